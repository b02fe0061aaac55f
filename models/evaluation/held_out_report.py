"""The reports on the text of the corpus that is held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from models.evaluation.corpus_match import OTHER_TEXT, READ_TOPICS
from models.evaluation.ethics_report import write_ethics_report
from models.evaluation.held_out import HeldOutAnswer, Part, held_out_figures
from models.evaluation.held_out_run import HeldOutRun
from models.evaluation.markdown import escape, share, table
from models.evaluation.memory_report import write_memory_report
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

_PARTS = {Part.LINE: "by line", Part.TOPIC: "by topic"}
_PARTS_MEAN = (
    "By line: inputs of topics of which other inputs are taught. By topic: inputs of topics of which nothing is taught "
    "(`docs/training.md`)."
)


def write_held_out_reports(pages: Mapping[str, Report | None], run: HeldOutRun) -> None:
    """Write the page of each task that was measured; `pages` gives them by task.

    Raises:
        ModelError: a file cannot be written.
    """
    for task, page in pages.items():
        if page is None:
            continue
        remarks = [OTHER_TEXT] if run.same_text is False else []
        remarks += [READ_TOPICS] if run.without_topics[task] is False else []
        marked = replace(page, remark="\n\n".join(remarks))
        if task == "dialogue" and run.dialogue is not None:
            write_held_out_report(marked, run.dialogue, run.profile)
        if task == "ethics" and run.ethics is not None:
            parts = {_PARTS[part]: scores for part, scores in run.ethics_parts.items()}
            write_ethics_report(marked, run.ethics, run.profile, "Ethics encoder on held-out sentences", parts)
        if task == "memory" and run.memory is not None:
            write_memory_report(marked, run.memory, run.profile, "Memory encoder on held-out keys")


def write_held_out_report(report: Report, answers_of: Mapping[Part, Sequence[HeldOutAnswer]], profile: Profile) -> None:
    """Write what passed by adapter and part, the figures of memories and replies, and some of what failed.

    Raises:
        ModelError: a file cannot be written.
    """
    answers = [each for found in answers_of.values() for each in found]
    figures = held_out_figures(answers)
    rates = {name: (counts["passed"], counts["n"]) for name, counts in figures.items()}
    by_part = {_PARTS[part]: held_out_figures(found) for part, found in answers_of.items() if found}
    rows = [
        [f"`{name}`", part, n, share(counts["well_formed"], n), share(counts["passed"], n), meaning]
        for name, meaning in _PASSED_MEANS.items()
        for part, found in by_part.items()
        for counts in [found.get(name)]
        if counts
        for n in [counts["n"]]
    ]
    parts = [
        _PARTS_MEAN,
        table(["adapter", "held out", "prompts", "well-formed", "passed", "passed means"], rows),
        report.image("passed", "share of prompts that passed", partial(draw_pass_rates, rates)),
    ]
    if "output_message" in figures:
        parts.append(f"Replies that match a forbidden pattern: {figures['output_message']['forbidden']}.")
    if "memory" in figures:
        parts.append("## Memory")
        for part, found in by_part.items():
            if "memory" in found:
                parts += [f"Held out {part}:", _memory(found["memory"])]
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
        "key_alike": ("key right or of the same group", counts["with_memory"]),
        "key_alike_value_right": ("key of the group, value right to the letter", counts["with_memory"]),
        "key_alike_value_near": ("key of the group, value near", counts["with_memory"]),
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
