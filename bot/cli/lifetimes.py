"""Build settings and objects and nest their lifetimes: database, models, queue.

Libraries that take seconds to import (torch and what stands on it) are imported when they are needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.cli.options import notes, show_note
from bot.errors import SettingsError
from bot.settings import Settings
from engine.care import load_care
from engine.interview_banks import BankShelf
from engine.load import Load
from engine.policy_file import load_policy, to_record
from engine.settings import EngineSettings
from engine.types import Clock
from models.profile import load_profile, with_weights
from models.settings import Device, ModelSettings, Precision
from storage.settings import KEYRING_NAME, StorageSettings

if TYPE_CHECKING:
    from engine.memory import MemoryRetriever
    from engine.memory_firewall import MemoryFirewall
    from engine.queue import TurnQueue
    from engine.refusal_log import RefusalLog
    from models.runtime import ModelRuntime
    from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a front end needs of her while she is awake."""

    database: Database
    queue: TurnQueue
    firewall: MemoryFirewall
    retriever: MemoryRetriever
    banks: BankShelf = field(default_factory=BankShelf)
    refusals: RefusalLog | None = None


@asynccontextmanager
async def open_engine(settings: Settings, clock: Clock, seed: int | None) -> AsyncIterator[Engine]:
    """Nest the lifetimes: database, models, queue; left in reverse order."""
    from engine.pipeline import ChatPipeline
    from engine.queue import open_queue
    from engine.refusal_log import open_refusal_log
    from storage.database import open_database
    from storage.policies import PolicyStore

    policy, care = load_policy(settings.policy), load_care()
    banks = BankShelf(settings.data_dir / "banks")
    load_profile(settings.profile)  # a wrong name must not leave a new database behind
    limits = EngineSettings(
        max_concurrent_turns=settings.max_concurrent_turns,
        queue_capacity=settings.queue_capacity,
        queue_capacity_per_user=settings.queue_capacity_per_user,
        turn_timeout_s=settings.turn_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
    load = Load(limits.max_concurrent_turns)
    async with (
        open_database(storage_settings(settings), clock) as database,
        open_runtime(settings, is_reproducible=seed is not None) as runtime,
    ):
        async with database.begin() as session:  # a changed policy under a known version ends the start here
            await PolicyStore(session).register(to_record(policy), clock())
        pipeline = ChatPipeline(
            profile=runtime.profile,
            policy=policy,
            care=care,
            generator=runtime.generator,
            embedder=runtime.embedder,
            database=database,
            clock=clock,
            seed=seed,
            banks=banks,
            exemplars=runtime.exemplars,
            load=load if seed is None else None,  # what is left out under load depends on timing
        )
        async with (
            open_refusal_log(database, runtime.profile.name) as refusals,
            open_queue(pipeline.run, limits, load) as queue,
        ):
            yield Engine(
                database=database,
                queue=queue,
                firewall=pipeline.firewall,
                retriever=pipeline.retriever,
                banks=banks,
                refusals=refusals,
            )


@asynccontextmanager
async def open_runtime(
    settings: Settings, weights: Path | None = None, *, encoders_only: bool = False, is_reproducible: bool = False
) -> AsyncIterator[ModelRuntime]:
    """Load and run the models of the chosen profile, telling on stderr what is loaded.

    A reproducible run decodes one sequence at a time, so that no sum depends on what else is in the batch.
    """
    profile = load_profile(settings.profile)
    if weights is not None:
        profile = with_weights(profile, weights)
    model_settings = make_model_settings(settings, max_rows=1 if is_reproducible else settings.max_rows)
    with notes.status("loading", spinner="dots") as status:
        from models.loader import LoadProgress
        from models.runtime import open_models

        progress = LoadProgress(
            step=lambda name: status.update(f"loading {name}"),
            note=show_note,
        )
        async with AsyncExitStack() as stack:
            models = open_models(profile, model_settings, progress, with_generator=not encoders_only)
            runtime = await stack.enter_async_context(models)
            status.stop()
            yield runtime


def make_model_settings(settings: Settings, *, max_rows: int) -> ModelSettings:
    """Return the settings of the models.

    Raises:
        SettingsError: the device or the precision is unknown.
    """
    try:
        device, precision = Device(settings.device), Precision(settings.precision)
    except ValueError as error:
        raise SettingsError(f"{error}; devices are auto, cpu, cuda; precisions auto, float32, bfloat16") from error
    return ModelSettings(device=device, precision=precision, max_rows=max_rows, cache_tokens=settings.cache_tokens)


def storage_settings(settings: Settings) -> StorageSettings:
    """Return where the database is (the given URL, or a file in the data folder) and where its keys are.

    A transaction waits for those before it at most as long as a turn may take.
    """
    base = StorageSettings.for_data_dir(settings.data_dir)
    is_file = not settings.database_url or settings.database_url.startswith("sqlite")
    return replace(
        base,
        url=settings.database_url or base.url,
        busy_timeout_s=settings.busy_timeout_s,
        queue_timeout_s=settings.turn_timeout_s,
        keyring=settings.keyring_file or (None if is_file else settings.data_dir / KEYRING_NAME),
        master_key=settings.master_key.get_secret_value() if settings.master_key else "",
        master_key_file=settings.master_key_file,
    )


def make_clock(now: str | None, zone: ZoneInfo) -> Clock:
    """Return the real clock, or one that stands at `now`; a moment without an offset is in `zone`.

    Raises:
        SettingsError: `now` is no ISO 8601 moment.
    """
    if now is None:
        return lambda: datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(now)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        fixed = moment.astimezone(UTC)
        if not 1970 <= fixed.year <= 9000:
            raise ValueError(fixed.year)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"--now {now!r} is no ISO 8601 moment; write 2026-11-20T21:00+09:00") from error
    return lambda: fixed
