"""Evaluate the choice among drafts: how often the chosen one was judged to fit, beside the best choice there is and a blind one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from statistics import fmean

from models.errors import ModelError
from models.evaluation.json_lines import read_json_lines

_AT_ONCE = 8


class Verdict(IntEnum):
    """What a reader found of a draft: beside the point or broken, passable, or an answer to exactly this message."""

    BESIDE = 0
    PASSABLE = 1
    FITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDrafts:
    """A final input and the drafts of an answer to it, all different, with what a reader found of each.

    `after` has the messages that somebody answered so, of drafts that are such answers.
    """

    input: str
    verdicts: dict[str, Verdict]
    after: dict[str, str] = field(default_factory=dict)


Chooser = Callable[[JudgedDrafts], Awaitable[str]]
"""Chooses one of some drafts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen of some drafts."""

    drafts: JudgedDrafts
    chosen: str


def read_judged_drafts(path: Path) -> list[JudgedDrafts]:
    """Read judged drafts from JSON lines, `{"input": …, "drafts": {DRAFT: 0 to 2, …}}`, with `"after": {DRAFT: MESSAGE, …}` if there are such.

    Raises:
        ModelError: the file cannot be read, holds nothing, or a line breaks the format.
    """
    return read_json_lines(path, _read_line, "drafts")


def _read_line(line: str, where: str) -> JudgedDrafts:
    try:
        raw = json.loads(line)
        verdicts = {str(draft): Verdict(verdict) for draft, verdict in raw["drafts"].items()}
        if not verdicts:
            raise ModelError(f"{where}: no drafts; leave the line out")
        after = {str(draft): str(message) for draft, message in raw.get("after", {}).items()}
        if unknown := sorted(set(after) - set(verdicts)):
            raise ModelError(f"{where}: after names {unknown[0]!r}, which is none of the drafts")
        return JudgedDrafts(input=str(raw["input"]), verdicts=verdicts, after=after)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{where}: a line is a JSON object with input and drafts, each with 0, 1 or 2 ({error})"
        ) from error


async def choose_all(
    judged: Sequence[JudgedDrafts], choose: Chooser, progress: Callable[[int], None] = lambda _: None
) -> list[Choice]:
    """Choose a draft for each input, some at once; `progress` gets the number that are done.

    Raises:
        ModelError: a choice failed.
    """
    places, done = asyncio.Semaphore(_AT_ONCE), 0

    async def one(drafts: JudgedDrafts) -> Choice:
        nonlocal done
        async with places:
            chosen = await choose(drafts)
        done += 1
        progress(done)
        return Choice(drafts=drafts, chosen=chosen)

    return await asyncio.gather(*(one(drafts) for drafts in judged))


def choice_figures(choices: Sequence[Choice]) -> dict[str, float]:
    """Return the shares (0 to 1) of inputs for which what is chosen fits, or is passable at least; the same of the best and of a blind choice."""
    found = [choice.drafts.verdicts[choice.chosen] for choice in choices]
    best = [max(choice.drafts.verdicts.values()) for choice in choices]

    def share(verdicts: Sequence[Verdict], least: Verdict) -> float:
        return round(fmean(verdict >= least for verdict in verdicts), 4)

    def blind(least: Verdict) -> float:
        return round(fmean(fmean(each >= least for each in choice.drafts.verdicts.values()) for choice in choices), 4)

    return {
        "messages": len(choices),
        "fits": share(found, Verdict.FITS),
        "best_fits": share(best, Verdict.FITS),
        "blind_fits": blind(Verdict.FITS),
        "passable": share(found, Verdict.PASSABLE),
        "best_passable": share(best, Verdict.PASSABLE),
        "blind_passable": blind(Verdict.PASSABLE),
    }
