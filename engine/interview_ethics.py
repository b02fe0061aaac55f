"""Ethics of an interview: technical words draw no sanction, abuse among them does (docs/decisions/0018)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.ethics import EthicsScorer
from engine.interview_words import InterviewWords
from engine.sanction_policy import SanctionPolicy, find_offences
from engine.text_parts import split_sentences
from models.interview_bank import QuestionBank
from models.profile import EthicsThresholds

_FILLER = " 이것 "
_WINDOW = 3  # words
# Three words say little, so they must be clearer than a message: the lowest threshold, how far above the profile's, and how far from normal.
_WINDOW_THRESHOLD, _WINDOW_MARGIN, _WINDOW_NORMAL = 0.97, 0.04, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The offences of an answer, and the scores of the part that they stand in (of the whole where there is none)."""

    scores: Mapping[str, float]
    offences: tuple[str, ...] = ()


class InterviewEthics:
    """Judges answers without their technical words: whole, each sentence alone, and three words at a time, which must be clearer."""

    def __init__(
        self, scorer: EthicsScorer, thresholds: EthicsThresholds, policy: SanctionPolicy, words: InterviewWords
    ) -> None:
        """Score with `scorer` as every message is; `words` know what is technical."""
        self._scorer = scorer
        self._thresholds = thresholds
        self._window_thresholds = _stricter(thresholds)
        self._policy = policy
        self._words = words

    async def judge(self, text: str, bank: QuestionBank) -> Judgement:
        """Return the offences of the worst part of `text`.

        Raises:
            EmbeddingError: the encoder failed.
        """
        parts = self.parts(text, bank)
        windows = [window for part in parts[1:] or parts for window in _windows(part)]
        scores = await self._scorer.score_all([*parts, *windows])
        judged = [
            Judgement(scores=part, offences=find_offences(part, thresholds, self._policy))
            for number, part in enumerate(scores)
            for thresholds in [self._thresholds if number < len(parts) else self._window_thresholds]
        ]
        return max(judged, key=lambda each: len(each.offences))

    def parts(self, text: str, bank: QuestionBank) -> list[str]:
        """Return what is judged as a message is, without technical words: the whole, then its sentences where there are several."""
        plain = self._words.technical.sub(_FILLER, text)
        for name in sorted((name for term in bank.terms for name in term.names), key=len, reverse=True):
            plain = re.sub(re.escape(name), _FILLER, plain, flags=re.IGNORECASE)
        whole = text if plain == text else " ".join(plain.split())
        sentences = split_sentences(plain)
        return [whole, *sentences] if len(sentences) > 1 else [whole]


def _windows(sentence: str) -> list[str]:
    """Return every three words of a longer sentence: an insult drowns among words that it has nothing to do with."""
    words = sentence.split()
    if len(words) <= _WINDOW:
        return []
    return [" ".join(words[start : start + _WINDOW]) for start in range(len(words) - _WINDOW + 1)]


def _stricter(thresholds: EthicsThresholds) -> EthicsThresholds:
    """Return what a few words must reach to count; a cosine of 1 always does."""
    categories = {
        name: min(1.0, max(_WINDOW_THRESHOLD, threshold + _WINDOW_MARGIN))
        for name, threshold in thresholds.categories.items()
    }
    return replace(thresholds, normal=min(thresholds.normal, _WINDOW_NORMAL), categories=categories)
