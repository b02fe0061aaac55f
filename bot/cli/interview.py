"""`main.py interview`: look after question banks, and hold interviews with simulated learners."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli.interview_transcripts import replace_transcripts, write_transcripts
from bot.cli.lifetimes import open_engine
from bot.cli.options import DeviceOption, JsonOption, ProfileOption, print_figures
from bot.errors import SettingsError
from bot.rendering import Texts
from bot.settings import Settings, load_settings
from engine.interview_learners import LEARNERS, SteppedClock, Transcript, hold_interview
from engine.interview_words import load_interview_words
from engine.types import ChatOutcome, ChatRequest
from models.interview_bank import DEFAULT_BANK, QuestionBank, load_bank

_BEGIN = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)

interview_app = typer.Typer(
    help="Look after question banks; hold interviews with simulated learners.", no_args_is_help=True
)


@interview_app.callback()
def interview_group() -> None:
    """Look after question banks; hold interviews with simulated learners."""


@interview_app.command("check")
def interview_check_command(
    bank: Annotated[str, typer.Argument(help="Name of a bank that ships, or a path to a .toml file.")],
    as_json: JsonOption = False,
) -> None:
    """Check a question bank (docs/formats.md) and say what is in it."""
    found = load_bank(bank)
    graded = [question for question in found.questions if question.is_graded]
    figures = {
        "name": found.name,
        "title": found.title,
        "judged_by": found.judged_by.value,
        "questions": len(found.questions),
        "graded": len(graded),
        "answers": sum(len(question.answers) for question in found.questions),
        "points": sum(len(answer.points) for question in graded for answer in question.answers),
        "terms": len(found.terms),
    }
    print_figures(figures, as_json)


@interview_app.command("simulate")
def interview_simulate_command(
    bank: Annotated[str, typer.Option(help="Name of a bank that ships, or a path to a .toml file.")] = DEFAULT_BANK,
    learner: Annotated[list[str] | None, typer.Option(help=f"{', '.join(LEARNERS)}; all unless named.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed: same interviews.")] = 7,
    write: Annotated[
        Path | None, typer.Option(help="A page whose transcripts are replaced, such as docs/interview.md.")
    ] = None,
    profile: ProfileOption = None,
    device: DeviceOption = None,
) -> None:
    """Hold an interview with each simulated learner, with the real models and a database of its own, and print the transcripts."""
    names = learner or list(LEARNERS)
    if unknown := [name for name in names if name not in LEARNERS]:
        raise SettingsError(f"no learner {unknown[0]!r}; choose of {', '.join(LEARNERS)}")
    found = load_bank(bank)
    with TemporaryDirectory() as folder:
        settings = load_settings(profile=profile, device=device, data_dir=Path(folder))
        if bank.endswith(".toml"):
            (Path(folder) / "banks").mkdir()
            shutil.copy(bank, Path(folder) / "banks" / f"{found.name}.toml")
        transcripts = asyncio.run(_simulate(settings, found, names, seed))
    text = write_transcripts(transcripts, found, Texts("ko", ZoneInfo(settings.time_zone)))
    if write is not None:
        replace_transcripts(write, text)
    else:
        print(text, end="")


async def _simulate(settings: Settings, bank: QuestionBank, names: list[str], seed: int) -> list[Transcript]:
    clock = SteppedClock(_BEGIN)
    async with open_engine(settings, clock, seed) as engine:

        async def run(request: ChatRequest) -> ChatOutcome:
            return await engine.queue.submit(request).outcome()

        return [await hold_interview(run, clock, name, bank, load_interview_words()) for name in names]
