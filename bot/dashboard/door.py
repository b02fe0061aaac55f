"""Who gets in: links are spent for sessions, sessions are looked up, and the platform is asked what their accounts may do now."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from bot.answers import Actor, Place
from bot.commands import Role, may_use
from bot.dashboard.signing import Signatures
from bot.handlers.dashboard import TOKEN_BYTES
from bot.handlers.reception import Reception
from bot.handlers.visit import Visit
from engine.types import Clock
from storage.dashboard_passes import DashboardPassStore
from storage.database import Database
from storage.records import ConversationKey, DashboardPass, PassKind

_log = logging.getLogger(__name__)
SESSION_LASTS = timedelta(hours=4)
_PLATFORM_S = 5.0  # for the platform to say what somebody may do
_SESSION = "session"  # what the signature of a session's cookie is for


class Refusal(StrEnum):
    """Why somebody does not get in."""

    NO_SESSION = "no_session"
    NO_RIGHTS = "no_rights"
    UNKNOWN = "unknown"  # the platform does not say what they may do


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody inside: their visit as a command would have it, their session's token, and what their forms carry."""

    visit: Visit
    token: str
    form_token: str


class Door:
    """Lets moderators in, and nobody else."""

    def __init__(self, database: Database, reception: Reception, signatures: Signatures, clock: Clock) -> None:
        """Keep passes in `database`; take rights from `reception`, as commands do."""
        self._database = database
        self._reception = reception
        self._signatures = signatures
        self._clock = clock

    async def enter(self, link: str) -> str | None:
        """Spend a link; return the signed cookie of the session that it opens, None where the link is worth nothing.

        Raises:
            StorageError: the database refused.
        """
        now = self._clock()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        async with self._database.begin() as session:
            store = DashboardPassStore(session)
            found = await store.take_link(link, now)
            if found is None:
                return None
            opened = replace(found, kind=PassKind.SESSION, created_at=now, expires_at=now + SESSION_LASTS)
            await store.issue(token, opened)
        _log.info("dashboard: a moderator of %s entered", found.user.platform)
        return self._signatures.sign(token, _SESSION)

    async def admit(self, cookie: str | None) -> Visitor | Refusal:
        """Return who comes with a cookie, if they may still be here. Who has lost the right loses the session with it.

        Raises:
            StorageError: the database refused.
        """
        token = self._signatures.read(cookie, _SESSION) if cookie else None
        if token is None:
            return Refusal.NO_SESSION
        async with self._database.read() as session:
            found = await DashboardPassStore(session).find(token, PassKind.SESSION, self._clock())
        if found is None:
            return Refusal.NO_SESSION
        visit = await self._visit(found)
        if visit is None:
            return Refusal.UNKNOWN
        if not may_use(Role.MODERATOR, visit.actor.rights) or (
            found.community is None and not visit.actor.rights.is_owner
        ):
            await self.leave(token)
            return Refusal.NO_RIGHTS
        return Visitor(visit=visit, token=token, form_token=self._signatures.form_token(token))

    async def leave(self, token: str) -> None:
        """End a session."""
        async with self._database.begin() as session:
            await DashboardPassStore(session).end(token)

    async def leave_everywhere(self, visitor: Visitor) -> None:
        """End every session and link of an account."""
        async with self._database.begin() as session:
            await DashboardPassStore(session).revoke(visitor.visit.user, self._clock())

    async def _visit(self, found: DashboardPass) -> Visit | None:
        """Ask the platform what the account may do; None where it does not say."""
        try:
            async with asyncio.timeout(_PLATFORM_S):
                rights = await self._reception.rights_of(found.user, found.community)
        except Exception as error:  # whatever the platform's client fails from: nobody gets in by it
            _log.warning("dashboard: rights on %s are unknown: %s", found.user.platform, type(error).__name__)
            return None
        if rights is None:
            return None
        room = ConversationKey(platform=found.user.platform, id=found.community or found.user.id)
        place = Place(conversation=room, community=found.community)
        actor = Actor(user=found.user, place=place, rights=rights, client_locale=found.locale)
        return await self._reception.visit(actor)
