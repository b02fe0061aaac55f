"""/mydata and /forgetme: what is stored of somebody, handed out or erased."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from bot.answers import Answer, Attachment, ButtonStyle
from bot.data_archive import pack
from bot.desk import Value
from bot.handlers.visit import Book, Run, Visit, make_button
from storage.database import Database
from storage.export import ExportStore
from storage.forgetting import forget_user
from storage.records import UserKey
from storage.retention import RetentionSettings


class DataRightsHandler:
    """Exports and erases a user's own data."""

    def __init__(self, database: Database, book: Book, retention: RetentionSettings) -> None:
        """Read and write `database`, which keeps things for as long as `retention` says."""
        self._database = database
        self._book = book
        self._retention = retention
        self._listeners: list[Callable[[UserKey], None]] = []
        self._settling: list[Callable[[UserKey], Awaitable[None]]] = []

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"mydata": self.export, "forgetme": self.ask}

    def when_forgotten(self, forget: Callable[[UserKey], None]) -> None:
        """Call `forget` before a user is erased: what stands in memory about them goes too."""
        self._listeners.append(forget)

    def settle_before_forgetting(self, settle: Callable[[UserKey], Awaitable[None]]) -> None:
        """Wait for `settle` before a user is erased: what is being stored about them must not come after."""
        self._settling.append(settle)

    async def export(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Hand out everything that is stored about this person as a zip of JSON files."""
        async with self._database.read() as session:
            stored = await ExportStore(session).of_user(visit.user)
        data = await asyncio.to_thread(pack, stored, self._readme(visit), visit.now)
        name = f"ohlora-{visit.user.platform}-{visit.user.id}.zip"
        attachment = Attachment(name=name, data=data, media_type="application/zip")
        return Answer(text=visit.texts.get("data.export"), attachment=attachment)

    def _readme(self, visit: Visit) -> str:
        """Say in both languages what is in the files and for how long it is kept."""
        parts = []
        for language in ("ko", "en"):
            texts = visit.texts.in_language(language)
            periods = {
                name: texts.get("data.for_ever") if days is None else texts.days(days)
                for name, days in asdict(self._retention).items()
            }
            parts.append(texts.get("data.readme", moment=texts.moment(visit.now), **periods))
        return "\n\n".join(parts) + "\n"

    async def ask(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Ask whether everything is to be erased."""
        texts = visit.texts
        yes = make_button(
            self._book, visit, texts.get("data.erase_button"), self._erase, style=ButtonStyle.DANGER, once=True
        )
        no = make_button(self._book, visit, texts.get("data.keep_button"), self._keep, once=True)
        return Answer(text=texts.get("data.ask"), buttons=((yes, no),))

    async def _erase(self, visit: Visit, _: Mapping[str, str]) -> Answer:
        for forget in self._listeners:
            forget(visit.user)
        for settle in self._settling:
            await settle(visit.user)
        await forget_user(self._database, visit.user, visit.now)
        self._book.forget(visit.user)
        return Answer(text=visit.texts.get("data.erased"), replaces=True)

    async def _keep(self, visit: Visit, _: Mapping[str, str]) -> Answer:
        return Answer(text=visit.texts.get("data.kept"), replaces=True)
