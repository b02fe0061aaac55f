"""What the program does by itself while it serves: lets go of what was kept long enough, and backs up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from bot.cli.lifetimes import storage_settings
from bot.settings import Settings
from engine.types import Clock
from storage.backup import back_up, copies_in
from storage.database import Database
from storage.errors import StorageError
from storage.retention import RetentionSettings, sweep

_log = logging.getLogger(__name__)
_EVERY_S = 3600.0


class Upkeep:
    """Looks once an hour whether there is something to do."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Keep `database` by `settings`; `sleep` is replaced in tests."""
        self._settings = settings
        self._database = database
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Look again and again, until cancelled; what fails is logged and tried at the next look."""
        while True:
            with suppress(StorageError):
                await self.look()
            await self._sleep(_EVERY_S)

    async def look(self) -> None:
        """Sweep, and back up if the last backup is old enough.

        Raises:
            StorageError: one of the two failed; it is logged.
        """
        try:
            await sweep(self._database, retention(self._settings), self._clock())
            await self._back_up()
        except StorageError as error:
            _log.error("upkeep failed: %s", error)
            raise

    async def _back_up(self) -> None:
        folder, now = self._settings.backup_dir, self._clock()
        if folder is None:
            return
        taken = copies_in(folder)
        if taken and now - max(taken) < timedelta(hours=self._settings.backup_every_h):
            return
        copy = await back_up(storage_settings(self._settings), folder, now, self._settings.backups_kept)
        _log.info("backed up %d rows", sum(copy.rows.values()))


@asynccontextmanager
async def upkeep(settings: Settings, database: Database, clock: Clock) -> AsyncIterator[None]:
    """Keep the database while the block runs."""
    task = asyncio.create_task(Upkeep(settings, database, clock).run(), name="upkeep")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def retention(settings: Settings) -> RetentionSettings:
    """Return for how long things are kept; a setting of 0 days means: until their user asks to be forgotten."""
    return RetentionSettings(
        turns=settings.keep_turns_days or None,
        summaries=settings.keep_summaries_days or None,
        evidence=settings.keep_evidence_days or None,
        cases=settings.keep_cases_days or None,
    )
