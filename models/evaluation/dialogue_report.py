"""The report on the four adapters and golden prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from models.evaluation.dialogue import GradedAnswer, count_passed
from models.evaluation.learning_curves import learning_curves
from models.evaluation.markdown import escape, share, table
from models.evaluation.plots import draw_pass_rates
from models.evaluation.report import Report
from models.evaluation.spread import pick_spread
from models.fronts import split_front
from models.profile import ADAPTER_NAMES, Profile

FRONTS = ("plain", "memory", "summary", "time")
MOST_PASSED, MOST_FAILED = 20, 40


def write_dialogue_report(report: Report, graded: Sequence[GradedAnswer], profile: Profile) -> None:
    """Write what passed and what is well-formed, by adapter and by what stands in front, with answers in full.

    Raises:
        ModelError: a file cannot be written.
    """
    groups = _group(graded)
    counts = {name: count_passed(answers) for name, answers in groups.items()}
    rates = {name: (count["passed"], count["n"]) for name, count in counts.items()}
    rows = [
        [f"`{name}`", count["n"], share(count["passed"], count["n"]), share(count["well_formed"]["passed"], count["n"])]
        for name, count in [*counts.items(), ("all", count_passed(graded))]
    ]
    passed = [each for each in graded if each.passed]
    failed = [each for each in graded if not each.passed]
    sources = {f"base-{name}": base.source for name, base in profile.bases.items()}
    sources |= {name: adapter.source for name, adapter in profile.adapters.items()}
    parts = [
        table(["adapter / what is in front", "prompts", "passed", "well-formed"], rows),
        "Well-formed: within its tries the adapter gave an answer of the form that the engine asks for.",
        report.image("passed", "share of prompts that passed", partial(draw_pass_rates, rates)),
        *_answers("passed", passed, MOST_PASSED),
        *_answers("failed", failed, MOST_FAILED),
        *learning_curves(report, sources),
    ]
    report.write("Adapters on golden prompts", profile.name, parts)


def front_of(text: str) -> str:
    """Return what stands in front of the message of a final input: one of `FRONTS`; a time mark counts where it stands alone."""
    front, time_mark, _ = split_front(text)
    if front:
        return "memory" if front.startswith("[") else "summary"
    return "time" if time_mark else "plain"


def _group(graded: Sequence[GradedAnswer]) -> Mapping[str, list[GradedAnswer]]:
    """Return the answers of each adapter, and of the reply's also by what stands in front; groups without answers are left out."""
    groups = {}
    for name in ADAPTER_NAMES:
        groups[name] = [each for each in graded if each.prompt.task == name]
        if name == "output_message":
            for front in FRONTS:
                groups[f"{name} / {front}"] = [each for each in groups[name] if front_of(each.prompt.input) == front]
    return {name: answers for name, answers in groups.items() if answers}


def _answers(what: str, graded: Sequence[GradedAnswer], most: int) -> list[str]:
    rows = [
        [f"`{each.prompt.task}`", escape(each.prompt.input), escape(each.answer.text) or "(nothing)"]
        for each in pick_spread(graded, most)
    ]
    heading = f"## Answers that {what}: {len(rows)} of {len(graded)}"
    return [heading, table(["adapter", "input", "answer"], rows)] if rows else [heading]
