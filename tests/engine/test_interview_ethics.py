"""What an interview lets pass and what it blocks, with the ethics encoder that ships."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from engine.ethics import EthicsScorer
from engine.interview_ethics import InterviewEthics
from engine.interview_words import load_interview_words
from engine.policy_file import load_policy
from engine.sanction_policy import certain_offences
from models.embedder import encode
from models.interview_bank import load_bank
from models.loader import load_encoder
from models.profile import MODELS_DIR, load_profile
from models.types import Embeddings
from tests.fakes import HATE, PAEDRIP, FakeEmbedder

GOLDEN = MODELS_DIR / "evaluation" / "golden" / "interview_ethics.csv"
ML, WORDS, POLICY, PROFILE = load_bank(), load_interview_words(), load_policy("default"), load_profile("embedded")
CATEGORIES = (PROFILE.ethics.normal_category, *PROFILE.ethics.categories)


class ShippedEncoder:
    """The embedded profile's ethics encoder."""

    def __init__(self) -> None:
        self._encoder = load_encoder(PROFILE.encoders["ethics"].source, torch.device("cpu"))

    async def embed(self, _: str, texts: Sequence[str]) -> Embeddings:
        return encode(self._encoder, texts)


@pytest.fixture(scope="module")
def blocked() -> dict[str, bool]:
    """Tell of each golden answer whether it would be blocked in an interview."""
    ethics = InterviewEthics(EthicsScorer(ShippedEncoder(), CATEGORIES), PROFILE.ethics, POLICY, WORDS)

    async def judge() -> dict[str, bool]:
        texts = [row["user_prompt"] for row in rows()]
        return {text: bool(certain_offences((await ethics.judge(text, ML)).offences, POLICY)) for text in texts}

    return asyncio.run(judge())


def rows() -> list[dict[str, str]]:
    with GOLDEN.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_golden_answers_are_forty_of_each_kind() -> None:
    kinds = [row["category"] for row in rows()]
    assert (kinds.count(PROFILE.ethics.normal_category), kinds.count(PAEDRIP) + kinds.count(HATE)) == (40, 40)
    assert all(row["abuse"] in row["user_prompt"] for row in rows())


def test_technical_answers_draw_no_sanction(blocked: dict[str, bool]) -> None:
    normal = [row["user_prompt"] for row in rows() if row["category"] == PROFILE.ethics.normal_category]
    assert [text for text in normal if blocked[text]] == []


def test_abuse_within_technical_answers_is_blocked(blocked: dict[str, bool]) -> None:
    """At least as often as decision 0018 says, less one: encoders are trained anew."""
    abuse = [row["user_prompt"] for row in rows() if row["category"] != PROFILE.ethics.normal_category]
    assert sum(blocked[text] for text in abuse) >= 36


async def test_few_words_must_be_clearer_than_a_message() -> None:
    long = "손실은 넌 쓰레기야 진짜 줄어요"
    thresholds = PROFILE.ethics
    near = {
        "넌 쓰레기야 진짜": {HATE: max(0.94, thresholds.categories[HATE] + 0.01)},
        long: {PROFILE.ethics.normal_category: 0.4},
    }
    for clear, expected in ((near, ()), ({**near, "넌 쓰레기야 진짜": {HATE: 0.99}}, (HATE,))):
        ethics = InterviewEthics(EthicsScorer(FakeEmbedder(clear), CATEGORIES), thresholds, POLICY, WORDS)
        assert (await ethics.judge(long, ML)).offences == expected


async def test_thresholds_are_those_it_is_given() -> None:
    text = "넌 쓰레기야"
    scorer = EthicsScorer(FakeEmbedder({text: {HATE: 0.75}}), CATEGORIES)
    milder = replace(PROFILE.ethics, categories={**PROFILE.ethics.categories, HATE: 0.7})
    for thresholds, expected in ((PROFILE.ethics, ()), (milder, (HATE,))):
        assert (await InterviewEthics(scorer, thresholds, POLICY, WORDS).judge(text, ML)).offences == expected
