"""Evaluate interviews: the labels that the two encoders find, and the form of the interviewer's lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.evaluation.similarity import Array
from models.evaluation.spread import pick_spread
from models.interview_bank import QuestionBank
from models.interview_text import (
    ANSWER_ENCODER,
    NEXT_ENCODER,
    interviewer_input,
    is_well_formed,
    quiet,
    shorten,
)
from models.profile import INTERVIEW_ADAPTER, AdapterProfile, Profile
from models.training.encoder_data import Pair
from models.training.interview_encoders import LabelFigures, label_figures, labels_of, turn_pairs
from models.training.interview_rows import InterviewRow
from models.types import Sampling, TextEmbedder, TextGenerator

LEAST_WELL_FORMED = 0.975
"""A model under this share is out (the mission's rule)."""

PUBLISHED = {
    ANSWER_ENCODER: {"n": 80, "accuracy": 0.963, "mean_diff": 0.9201, "mse": 0.0026, "mae": 0.0054, "corr": 0.9631},
    NEXT_ENCODER: {"n": 80, "accuracy": 1.0, "mean_diff": 0.9938, "mse": 4e-5, "mae": 0.0034, "corr": 0.9996},
}
"""The figures of the original Oh-LoRA on its own test rows (behaviour.md, section 7); its encoders are fine-tuned RoBERTas."""


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """Turns with their labels and their cosines with every label, shape (turns, labels)."""

    pairs: Sequence[Pair]
    labels: Sequence[str]
    cosines: Array

    @cached_property
    def true(self) -> list[int]:
        """The place of each turn's own label."""
        return [list(self.labels).index(pair.second) for pair in self.pairs]

    @cached_property
    def found(self) -> npt.NDArray[np.intp]:
        """The place of each turn's highest cosine."""
        found: npt.NDArray[np.intp] = self.cosines.argmax(axis=1)
        return found

    @cached_property
    def figures(self) -> LabelFigures:
        """Accuracy, Mean_Diff, MSE, MAE and correlation."""
        return label_figures(self.cosines, self.true)

    def wrong(self) -> list[tuple[str, str, str, float]]:
        """Return text, true label, found label and how far the true one is behind, worst first."""
        places = [i for i, true in enumerate(self.true) if self.found[i] != true]
        rows = [
            (self.pairs[i].first, self.pairs[i].second, self.labels[self.found[i]], self._behind(i)) for i in places
        ]
        return sorted(rows, key=lambda row: -row[3])

    def _behind(self, place: int) -> float:
        return float(self.cosines[place].max() - self.cosines[place, self.true[place]])


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledLine:
    """One line of the interviewer: its prompt, whether it has the form, and whether it asks the next question."""

    prompt: str
    line: str
    is_well_formed: bool
    asks_next: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewScores:
    """Everything `evaluate interview` measures."""

    answer: LabelScores
    question: LabelScores
    lines: Sequence[SampledLine]

    @property
    def well_formed(self) -> float:
        """Share of lines with the form."""
        return round(sum(line.is_well_formed for line in self.lines) / len(self.lines), 5)

    @property
    def asking(self) -> float:
        """Share of lines that ask the next question."""
        return round(sum(line.asks_next for line in self.lines) / len(self.lines), 5)


async def measure_interview(
    generator: TextGenerator,
    embedder: TextEmbedder,
    profile: Profile,
    rows: Sequence[InterviewRow],
    bank: QuestionBank,
    *,
    samples: int,
    prompts: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> InterviewScores:
    """Measure both encoders on all turns of `rows`, and the interviewer on at most `prompts` of them.

    Raises:
        ModelError: the profile has no interview models, or there are no turns.
    """
    if not profile.can_interview:
        raise ModelError(f"profile {profile.name} has no interview models here; train them (docs/training.md)")
    return InterviewScores(
        answer=await score_turns(embedder, ANSWER_ENCODER, rows, bank),
        question=await score_turns(embedder, NEXT_ENCODER, rows, bank),
        lines=await sample_lines(
            generator,
            profile.adapters[INTERVIEW_ADAPTER],
            rows,
            bank,
            shown=profile.interview.shown_characters,
            samples=samples,
            prompts=prompts,
            seed=seed,
            progress=progress,
        ),
    )


async def score_turns(
    embedder: TextEmbedder, task: str, rows: Sequence[InterviewRow], bank: QuestionBank
) -> LabelScores:
    """Embed the distinct turns of `rows` and all labels of `task`.

    Raises:
        ModelError: there are no turns.
    """
    pairs, labels = turn_pairs(task, rows, copies=1), labels_of(task, bank)
    if not pairs:
        raise ModelError("no turns in this split; check the data and --split")
    texts = await embedder.embed(task, [pair.first for pair in pairs])
    names = await embedder.embed(task, labels)
    return LabelScores(pairs=pairs, labels=labels, cosines=(texts @ names.T).astype(np.float64))


async def sample_lines(
    generator: TextGenerator,
    adapter: AdapterProfile,
    rows: Sequence[InterviewRow],
    bank: QuestionBank,
    *,
    shown: int,
    samples: int,
    prompts: int | None,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[SampledLine]:
    """Draw `samples` lines for each of at most `prompts` distinct prompts of `rows`, evenly spread; one try each.

    Raises:
        GenerationError: a generation failed.
    """
    distinct = {
        interviewer_input(
            row.topic, shorten(quiet(row.text), shown), row.answered, row.next_question
        ): row.next_question
        for row in rows
    }
    chosen = list(distinct.items()) if prompts is None else pick_spread(list(distinct.items()), prompts)
    lines: list[SampledLine] = []
    for number, (prompt, next_question) in enumerate(chosen):
        whole = f"{prompt}{adapter.start_mark}"
        limit = adapter.new_token_limit(generator.count_tokens(INTERVIEW_ADAPTER, whole))
        draws = [
            Sampling(
                temperature=adapter.temperature,
                top_p=adapter.top_p,
                max_new_tokens=limit,
                stop=adapter.stop_mark,
                seed=seed + number * samples + sample,
            )
            for sample in range(samples)
        ]
        drawn = await asyncio.gather(*(generator.generate(INTERVIEW_ADAPTER, whole, draw) for draw in draws))
        lines += [_judge(prompt, generation.text.strip(), next_question, bank) for generation in drawn]
        progress(number + 1, len(chosen))
    return lines


def interview_figures(scores: InterviewScores) -> dict[str, Any]:
    """Return what the command prints."""
    return {
        "answer": _named(scores.answer.figures),
        "question": _named(scores.question.figures),
        "interviewer": {"well_formed": scores.well_formed},
    }


def _named(figures: LabelFigures) -> dict[str, float]:
    return {name: value for name, value in asdict(figures).items() if name != "n"}


def _judge(prompt: str, line: str, next_question: str, bank: QuestionBank) -> SampledLine:
    is_end = next_question == bank.marks.end
    asks = is_end or bank.question(next_question).is_asked_by(line)
    return SampledLine(prompt=prompt, line=line, is_well_formed=is_well_formed(line), asks_next=asks)
