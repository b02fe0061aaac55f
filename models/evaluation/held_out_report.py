"""The reports on the text of the corpus that is held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from models.evaluation.corpus_match import OTHER_TEXT
from models.evaluation.ethics_report import write_ethics_report
from models.evaluation.held_out import HeldOutAnswer, held_out_figures
from models.evaluation.held_out_run import HeldOutRun
from models.evaluation.markdown import escape, share, table
from models.evaluation.plots import draw_pass_rates
from models.evaluation.report import Report
from models.evaluation.spread import pick_spread
from models.profile import Profile

MOST_FAILED = 15
_PASSED_MEANS = {
    "output_message": "well-formed, and no forbidden pattern of facts.toml",
    "memory": "stored with the right key and value to the letter, or rightly not stored",
    "summary": "not empty, ended by its stop mark, at most 40 characters",
    "eyes_mouth_pose": "readable, with the eyes and mouth of the corpus",
}


def write_held_out_reports(pages: Mapping[str, Report | None], run: HeldOutRun) -> None:
    """Write the page of each task that was measured; `pages` gives them by task.

    Raises:
        ModelError: a file cannot be written.
    """
    for task, page in pages.items():
        if page is None:
            continue
        marked = page if run.same_text is not False else replace(page, remark=OTHER_TEXT)
        if task == "dialogue" and run.dialogue is not None:
            write_held_out_report(marked, run.dialogue, run.profile)
        if task == "ethics" and run.ethics is not None:
            write_ethics_report(marked, run.ethics, run.profile, "Ethics encoder on held-out sentences")


def write_held_out_report(report: Report, answers: Sequence[HeldOutAnswer], profile: Profile) -> None:
    """Write what passed by adapter, the figures of memories and replies, and some of what failed.

    Raises:
        ModelError: a file cannot be written.
    """
    figures = held_out_figures(answers)
    rates = {name: (counts["passed"], counts["n"]) for name, counts in figures.items()}
    rows = [
        [
            f"`{name}`",
            counts["n"],
            share(counts["well_formed"], counts["n"]),
            share(counts["passed"], counts["n"]),
            meaning,
        ]
        for name, meaning in _PASSED_MEANS.items()
        for counts in [figures.get(name)]
        if counts
    ]
    parts = [
        table(["adapter", "prompts", "well-formed", "passed", "passed means"], rows),
        report.image("passed", "share of prompts that passed", partial(draw_pass_rates, rates)),
    ]
    if "output_message" in figures:
        parts.append(f"Replies that match a forbidden pattern: {figures['output_message']['forbidden']}.")
    if "memory" in figures:
        parts += ["## Memory", _memory(figures["memory"])]
    for name in figures:
        parts += _failed(name, [each for each in answers if each.prompt.task == name and not each.checks["passed"]])
    report.write("Adapters on held-out rows", profile.name, parts)


def _memory(counts: Mapping[str, int]) -> str:
    wholes = {
        "decision_right": ("rightly stored or not stored", counts["n"]),
        "stored_needlessly": ("stored where there is nothing to remember", counts["n"] - counts["with_memory"]),
        "missed": ("not stored where there is something", counts["with_memory"]),
        "key_right": ("key right", counts["with_memory"]),
        "value_right": ("value right to the letter", counts["with_memory"]),
        "both_right": ("key and value right to the letter", counts["with_memory"]),
        "value_near": ("value near: half of its characters", counts["with_memory"]),
        "key_right_value_near": ("key right, value near", counts["with_memory"]),
    }
    rows = [[what, whole, share(counts[name], whole)] for name, (what, whole) in wholes.items()]
    return table(["memory", "rows", "of these"], rows)


def _failed(task: str, failed: Sequence[HeldOutAnswer]) -> list[str]:
    rows = [
        [escape(each.prompt.input), escape(each.prompt.expected), escape(each.answer.text) or "(nothing)"]
        for each in pick_spread(failed, MOST_FAILED)
    ]
    if not rows:
        return []
    return [f"## Failed, `{task}`: {len(rows)} of {len(failed)}", table(["input", "corpus", "answer"], rows)]
