"""Ethics of an interview: technical words draw no sanction, abuse among them does (docs/decisions/0018)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.ethics import EthicsScorer
from engine.interview_words import InterviewWords
from engine.sanction_policy import SanctionPolicy, find_offences
from engine.text_parts import split_sentences
from models.interview_bank import QuestionBank
from models.profile import EthicsThresholds

_FILLER = " 이것 "
_LONG, _WINDOW, _STEP = 8, 4, 2  # words: of a sentence that is looked at in windows, of a window, between two


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The offences of an answer, and the scores of the part that they stand in (of the whole where there is none)."""

    scores: Mapping[str, float]
    offences: tuple[str, ...] = ()


class InterviewEthics:
    """Judges answers without their technical words: whole, each sentence alone, and long sentences a few words at a time."""

    def __init__(
        self, scorer: EthicsScorer, thresholds: EthicsThresholds, policy: SanctionPolicy, words: InterviewWords
    ) -> None:
        """Score with `scorer` as every message is; `words` know what is technical."""
        self._scorer = scorer
        self._thresholds = thresholds
        self._policy = policy
        self._words = words

    async def judge(self, text: str, bank: QuestionBank) -> Judgement:
        """Return the offences of the worst part of `text`.

        Raises:
            EmbeddingError: the encoder failed.
        """
        parts = self.parts(text, bank)
        scores = await self._scorer.score_all(parts)
        judged = [
            Judgement(scores=part, offences=find_offences(part, self._thresholds, self._policy)) for part in scores
        ]
        return max(judged, key=lambda each: len(each.offences))

    def parts(self, text: str, bank: QuestionBank) -> list[str]:
        """Return what is judged, without technical words: the whole first, its sentences where there are several, windows of long ones."""
        plain = self._words.technical.sub(_FILLER, text)
        for name in sorted((name for term in bank.terms for name in term.names), key=len, reverse=True):
            plain = re.sub(re.escape(name), _FILLER, plain, flags=re.IGNORECASE)
        whole = text if plain == text else " ".join(plain.split())
        sentences = split_sentences(plain)
        parts = [whole, *sentences] if len(sentences) > 1 else [whole]
        return [*parts, *(window for sentence in parts[1:] or parts for window in _windows(sentence))]


def _windows(sentence: str) -> list[str]:
    """Return every few words of a long sentence: an insult drowns among many words that it has nothing to do with."""
    words = sentence.split()
    if len(words) <= _LONG:
        return []
    return [" ".join(words[start : start + _WINDOW]) for start in range(0, len(words) - _WINDOW + 1, _STEP)]
