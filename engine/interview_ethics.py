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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The offences of an answer, and the scores of the part that they stand in (of the whole where there is none)."""

    scores: Mapping[str, float]
    offences: tuple[str, ...] = ()


class InterviewEthics:
    """Judges answers without their technical words: whole, and each sentence alone."""

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
        """Return what is judged: the whole first, then its sentences where there are several, all without technical words."""
        plain = self._words.technical.sub(_FILLER, text)
        for name in sorted((name for term in bank.terms for name in term.names), key=len, reverse=True):
            plain = re.sub(re.escape(name), _FILLER, plain, flags=re.IGNORECASE)
        whole = text if plain == text else " ".join(plain.split())
        sentences = split_sentences(plain)
        return [whole, *sentences] if len(sentences) > 1 else [whole]
