"""Token ids of texts: a prompt is counted before it is generated from, and drafts of one reply have one prompt."""

from __future__ import annotations

from functools import lru_cache

from transformers import PreTrainedTokenizerBase

REMEMBERED = 128  # texts of each tokenizer: the prompts of the turns that run


class PromptIds:
    """One tokenizer that does not encode the last `REMEMBERED` texts again."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Encode with `tokenizer`."""
        self._tokenizer = tokenizer
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._encode)

    def whole(self, text: str) -> list[int]:
        """Return the ids of `text` with the tokens that the tokenizer adds by itself."""
        return list(self._remembered(text)[0])

    def own(self, text: str) -> list[int]:
        """Return the ids of `text` alone."""
        return list(self._remembered(text)[1])

    def _encode(self, text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        encoded = self._tokenizer(text, return_special_tokens_mask=True)
        ids, added = encoded["input_ids"], encoded["special_tokens_mask"]
        return tuple(ids), tuple(token for token, is_added in zip(ids, added, strict=True) if not is_added)
