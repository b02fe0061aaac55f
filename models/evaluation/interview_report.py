"""The report on interviews: both encoders with what they got wrong, and the interviewer's lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict

from models.evaluation.interview import LEAST_WELL_FORMED, PUBLISHED, InterviewScores, LabelScores, SampledLine
from models.evaluation.markdown import escape, figure, table
from models.evaluation.report import Report
from models.evaluation.spread import pick_spread
from models.interview_text import ANSWER_ENCODER, NEXT_ENCODER
from models.profile import Profile

SHOWN = 20
_AROUND = re.compile(
    r"^\[[^\[\]]*\] | \((?:남은 답변: [^()]*|모든 질문 해결 완료)\)$"
)  # what a turn's text has beside what was said


def write_interview_report(report: Report, scores: InterviewScores, profile: Profile) -> None:
    """Write figures beside the published ones, the wrong turns, and lines that are and are not well-formed.

    Raises:
        ModelError: the file cannot be written.
    """
    parts = []
    for title, name, measured in (
        ("Which answer was given", ANSWER_ENCODER, scores.answer),
        ("What is asked next", NEXT_ENCODER, scores.question),
    ):
        parts += [f"## {title}", _figures(measured, PUBLISHED[name]), _wrong(measured, scores.question.labels)]
    out = "" if scores.well_formed >= LEAST_WELL_FORMED else f" Under {LEAST_WELL_FORMED:.1%}, so this model is out."
    parts += [
        "## The interviewer",
        f"{scores.well_formed:.2%} of {len(scores.lines)} lines are well-formed (no number, bullet or date in front, no stray "
        f"mark, no link, not empty); {scores.asking:.2%} mention what is asked next.{out}",
        _lines("Not well-formed", [line for line in scores.lines if not line.is_well_formed]),
        _lines("Not asking what is next", [line for line in scores.lines if not line.asks_next]),
        _lines("Some of all", pick_spread(scores.lines, SHOWN)),
    ]
    report.write("Interviews", profile.name, [part for part in parts if part])


def _figures(scores: LabelScores, published: dict[str, float]) -> str:
    measured = asdict(scores.figures)
    names = list(measured)[1:]
    rows = [
        ["measured", measured["n"], *(figure(measured[name]) for name in names)],
        ["published, on its own test rows", published["n"], *(figure(published[name]) for name in names)],
    ]
    return table(["", *measured], rows)


def _wrong(scores: LabelScores, questions: Sequence[str]) -> str:
    """Show what was said in the wrong turns; `questions` are numbered in their order, other labels are written out."""
    numbers = {label: f"question {number}" for number, label in enumerate(questions, 1)}
    rows = []
    for text, true, found, behind in scores.wrong():
        asked, _, said = text.partition(" -> ")
        names = [numbers.get(name, name) for name in (asked, true, found)]
        rows.append([*map(escape, (_AROUND.sub("", said), *names)), figure(behind)])
    shown = table(["said", "asked", "label", "found", "behind by"], rows)
    return f"{len(rows)} wrong (questions by their number in the bank):\n\n{shown}" if rows else "None is wrong."


def _lines(title: str, lines: list[SampledLine]) -> str:
    rows = [[escape(line.prompt), escape(line.line)] for line in lines[:SHOWN]]
    return f"### {title}: {len(lines)}\n\n" + table(["prompt", "line"], rows) if lines else ""
