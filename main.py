"""The commands of Oh-LoRA chat; the groups `train`, `evaluate`, `bench`, `db`, `interview`, `policy` and `audit` stand in `bot/cli`."""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli.audit import audit_app
from bot.cli.backup import backup, restore
from bot.cli.bench import bench_app
from bot.cli.db import db_app
from bot.cli.doctor import doctor
from bot.cli.evaluate import evaluate_app
from bot.cli.interview import interview_app
from bot.cli.keys import keys_app
from bot.cli.lifetimes import make_clock, open_engine
from bot.cli.options import DatabaseOption, DataDirOption, DeviceOption, JsonOption, PrecisionOption, ProfileOption
from bot.cli.policy import policy_app
from bot.cli.train import train_app
from bot.errors import BotError, SettingsError
from bot.settings import load_settings
from engine.errors import EngineError
from models.errors import ModelError
from storage.errors import StorageError

USAGE_ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="main.py",
    help="오로라 (Oh-LoRA): a self-hosted character chatbot.",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(bench_app, name="bench")
app.add_typer(db_app, name="db")
app.add_typer(interview_app, name="interview")
app.add_typer(policy_app, name="policy")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")
app.command()(backup)
app.command()(restore)
app.command()(doctor)


@app.command()
def chat(
    user: Annotated[str, typer.Option(help="Who is talking.")] = "me",
    profile: ProfileOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and clock: same answers.")] = None,
    now: Annotated[str | None, typer.Option(help="The clock, ISO 8601, for example 2026-11-20T21:00+09:00.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language of notices: ko or en.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="For example Asia/Seoul.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Talk with her in the terminal; piped, each line is one turn."""
    from bot.console import Console, ConsoleOptions, is_user_name, read_lines
    from bot.handlers.chat import ChatHandler
    from bot.handlers.interview_cards import InterviewCards
    from bot.handlers.memory import MemoryHandler
    from bot.handlers.sanctions import SanctionHandler

    settings = load_settings(
        profile=profile, data_dir=data_dir, database_url=database_url, device=device, precision=precision,
        locale=locale, time_zone=time_zone,
    )  # fmt: skip
    if not is_user_name(user):
        raise SettingsError("--user takes 1 to 64 printable characters")
    zone = ZoneInfo(settings.time_zone)
    clock = make_clock(now, zone)

    async def talk() -> None:
        async with open_engine(settings, clock, seed) as engine:
            console = Console(
                chat=ChatHandler(engine.queue, clock, engine.refusals),
                cards=InterviewCards(engine.database, engine.banks),
                memory=MemoryHandler(engine.database, clock, engine.firewall),
                sanctions=SanctionHandler(engine.database),
                clock=clock,
                options=ConsoleOptions(
                    user=user,
                    locale=settings.locale,
                    zone=zone,
                    as_json=as_json,
                    card_folder=settings.data_dir / "interviews",
                ),
            )
            if sys.stdin.isatty() and not as_json:
                await console.run_interactive()
            else:
                await console.run_piped(read_lines())

    asyncio.run(talk())


@app.command()
def run(
    profile: ProfileOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = None,
) -> None:
    """Serve Discord and Telegram: every platform whose token is set."""
    from bot.cli.serve import configured_platforms, prepare_logging, serve

    settings = load_settings(
        profile=profile, data_dir=data_dir, database_url=database_url, device=device, precision=precision
    )
    configured_platforms(settings)
    prepare_logging(settings)
    asyncio.run(serve(settings))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input gives one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show Korean gets question marks, not a traceback
            stream.reconfigure(errors="replace")
    level = "WARNING"
    with suppress(BotError):  # the command itself will say it
        level = load_settings().log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = app(args=given, obj=shlex.join(["main.py", *given]), standalone_mode=False)
    except typer.TyperException as error:
        return fail(error.format_message() if hasattr(error, "format_message") else str(error))
    except (BotError, EngineError, ModelError, StorageError) as error:
        return fail(str(error))
    except ModuleNotFoundError as error:
        return fail(f"{error.name} is not installed; run .venv/bin/python -m pip install -e '.[train]'")
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    return result if isinstance(result, int) else 0


def fail(message: str) -> int:
    """Print one line of error; return the exit code of bad input."""
    if message:  # empty after the help that a lone group of commands prints
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
