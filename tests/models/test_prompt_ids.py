"""A text is encoded once while it is remembered, with the ids that its tokenizer gives it."""

from __future__ import annotations

from typing import Any

import pytest

from models.prompt_ids import REMEMBERED, PromptIds
from tests.models.tiny import TinyBase


class _Counting:
    """A tokenizer that keeps the texts that it encodes."""

    def __init__(self, tokenizer: Any) -> None:
        self.encoded: list[str] = []
        self._tokenizer = tokenizer

    def __call__(self, text: str, **options: Any) -> Any:
        self.encoded.append(text)
        return self._tokenizer(text, **options)


@pytest.fixture
def tokenizer(llama: TinyBase) -> Any:
    return _Counting(llama.tokenizer)


@pytest.mark.parametrize("text", ["안녕 로라야 (답변 시작)", "", " ", "😊 뷁", "</s> 끝 <s>"])
def test_ids_are_those_of_the_tokenizer(tokenizer: Any, llama: TinyBase, text: str) -> None:
    ids = PromptIds(tokenizer)
    assert ids.whole(text) == llama.tokenizer(text)["input_ids"]
    assert ids.own(text) == llama.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_prompt_of_five_drafts_that_are_counted_and_encoded_is_encoded_once(tokenizer: Any) -> None:
    ids = PromptIds(tokenizer)
    for _ in range(5):
        assert len(ids.whole("안녕")) == len(ids.own("안녕")) + 1
    assert tokenizer.encoded == ["안녕"]


def test_changing_what_was_returned_changes_nothing_that_is_remembered(tokenizer: Any) -> None:
    ids = PromptIds(tokenizer)
    before = list(ids.whole("안녕"))
    ids.whole("안녕").append(3)
    assert ids.whole("안녕") == before


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(tokenizer: Any) -> None:
    ids = PromptIds(tokenizer)
    for number in range(REMEMBERED + 1):
        ids.own(str(number))
    tokenizer.encoded.clear()
    ids.own(str(REMEMBERED))
    ids.own("0")
    assert tokenizer.encoded == ["0"]
