"""The encoders of an interview: which answer a message gives, and which question stands next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.final_input import neutralise
from engine.interview import Standing, Verdict, judge_points, judge_scores
from engine.interview_words import InterviewWords
from engine.text_parts import split_sentences
from models.interview_bank import Collect, Judge, QuestionBank
from models.interview_text import ANSWER_ENCODER, NEXT_ENCODER, answer_input, marked_answer, next_input, topic_of
from models.profile import Profile
from models.types import Embeddings, TextEmbedder
from storage.interview_records import StepKind


class InterviewJudge:
    """Judges answers and chooses questions: by the encoders where they know the bank, else by key points and the bank's order."""

    def __init__(self, embedder: TextEmbedder, profile: Profile, words: InterviewWords) -> None:
        """Use the interview encoders of `profile`, if it has them."""
        self._embedder = embedder
        self._has_encoders = {ANSWER_ENCODER, NEXT_ENCODER} <= set(profile.encoders)
        self._words = words
        self._labels: dict[tuple[str, str], Embeddings] = {}

    def knows(self, bank: QuestionBank) -> bool:
        """Tell whether encoders judge this bank."""
        return self._has_encoders and bank.judged_by is Judge.ENCODERS

    async def judge(self, bank: QuestionBank, standing: Standing, text: str) -> Verdict:
        """Return what a message comes to.

        Raises:
            EmbeddingError: the encoder failed.
        """
        if not self.knows(bank):
            return judge_points(bank, standing, text, self._words)
        (scores,) = await self._score_answers(bank, standing, [text])
        verdict = judge_scores(bank, standing, scores, text, self._words)
        if verdict.kind is StepKind.ANSWERED and standing.question.collect is Collect.ALL and len(standing.left) > 1:
            return replace(verdict, more=await self._further_answers(bank, standing, verdict, text))
        return verdict

    async def choose(
        self, bank: QuestionBank, before: Standing, after: Standing, text: str, choices: Sequence[str]
    ) -> str:
        """Return the one of `choices` that the encoder prefers after this message, the first where it knows nothing of the bank.

        Raises:
            EmbeddingError: the encoder failed.
        """
        if len(choices) == 1 or not self.knows(bank):
            return choices[0]
        stays = before.question.label in choices
        said = next_input(*_read(before, text), after.left if stays else (), bank.marks.nothing_left)
        labels = await self._embed_labels(bank, NEXT_ENCODER, bank.question_labels)
        (row,) = await self._embedder.embed(NEXT_ENCODER, [said])
        scores = dict(zip(bank.question_labels, labels @ row, strict=True))
        return max(choices, key=lambda label: scores[label])

    async def _further_answers(
        self, bank: QuestionBank, standing: Standing, verdict: Verdict, text: str
    ) -> tuple[tuple[str, float], ...]:
        """Return the other answers that single sentences of the message give beyond doubt."""
        sentences = split_sentences(text)
        if len(sentences) < 2:
            return ()
        found: dict[str, float] = {}
        for scores in await self._score_answers(bank, standing, sentences):
            part = judge_scores(bank, standing, scores, text, self._words)
            is_new = part.kind is StepKind.ANSWERED and part.label not in (None, verdict.label)
            if is_new and part.label and part.score is not None and part.score >= self._words.confident:
                found[part.label] = max(part.score, found.get(part.label, 0.0))
        return tuple(found.items())

    async def _score_answers(
        self, bank: QuestionBank, standing: Standing, texts: Sequence[str]
    ) -> list[Mapping[str, float]]:
        """Return, for each text, its cosine with every answer label."""
        inputs = [answer_input(*_read(standing, text)) for text in texts]
        labels = await self._embed_labels(bank, ANSWER_ENCODER, bank.answer_labels)
        rows = await self._embedder.embed(ANSWER_ENCODER, inputs)
        return [
            {label: round(float(score), 4) for label, score in zip(bank.answer_labels, scores, strict=True)}
            for scores in np.asarray(rows @ labels.T)
        ]

    async def _embed_labels(self, bank: QuestionBank, encoder: str, labels: Sequence[str]) -> Embeddings:
        """Return the labels' vectors, encoded once."""
        key = (encoder, bank.name)
        if key not in self._labels:
            self._labels[key] = await self._embedder.embed(encoder, labels)
        return self._labels[key]


def _read(standing: Standing, text: str) -> tuple[str, str]:
    """Return the topic and the message as the encoders read them."""
    question, wanted = standing.question, standing.wanted
    return topic_of(question, standing.drawn), marked_answer(question, wanted[0] if wanted else "", neutralise(text))
