"""Trying a policy on the stored log, for owners: who would have gained or lost what. Changes nothing."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.dashboard.app import Form
from bot.dashboard.door import Visitor
from bot.dashboard.pages import Pages
from engine.errors import PolicyError
from engine.policy_file import parse_policy
from engine.policy_replay import Replay, replay_user
from engine.sanction_policy import SanctionPolicy
from storage.database import Database
from storage.judgement_log import JudgementLog

MOST_SHOWN = 200  # users that would fare otherwise
_LONGEST_POLICY = 64 * 1024  # characters


class ReplayPage:
    """Judges the log of a platform by a policy that an owner pastes or uploads.

    Only owners, because a ladder counts what a user did everywhere, and a moderator sees one community.
    """

    def __init__(self, database: Database, pages: Pages, *, normal_category: str) -> None:
        """Read the log in `database`; `normal_category` is the profile's name of what is no offence."""
        self._database = database
        self._pages = pages
        self._normal_category = normal_category

    async def show(self, _: Request, visitor: Visitor) -> Response:
        """Ask for a policy."""
        _need_owner(visitor)
        return self._show(visitor)

    async def replay(self, _: Request, visitor: Visitor, form: Form) -> Response:
        """Try a policy; a file goes before what was pasted."""
        _need_owner(visitor)
        text = form.get("file", "") or form.get("policy", "")
        if len(text) > _LONGEST_POLICY:
            raise HTTPException(413)
        try:
            policy = parse_policy(text, visitor.visit.texts.get("dashboard.your_policy"))
        except PolicyError as error:
            return self._show(visitor, typed=text, wrong=str(error))
        return self._show(visitor, typed=text, policy=policy, replay=await self._replay(visitor, policy))

    async def _replay(self, visitor: Visitor, policy: SanctionPolicy) -> Replay:
        replays = []
        async with self._database.read() as session:
            async for user, messages in JudgementLog(session).by_user():
                if user.platform == visitor.visit.user.platform:
                    replays.append(replay_user(user, messages, policy, self._normal_category))
                    await asyncio.sleep(0)  # others talk meanwhile
        return Replay.of(replays)

    def _show(
        self,
        visitor: Visitor,
        *,
        typed: str = "",
        wrong: str = "",
        policy: SanctionPolicy | None = None,
        replay: Replay | None = None,
    ) -> Response:
        differences = () if replay is None else replay.differences
        return self._pages.show(
            visitor,
            "replay.html",
            status=422 if wrong else 200,
            here="replay",
            typed=typed,
            wrong=wrong,
            policy=policy,
            replay=replay,
            differences=differences[:MOST_SHOWN],
            others=max(len(differences) - MOST_SHOWN, 0),
            changed=len({each.user for each in differences}),
        )


def _need_owner(visitor: Visitor) -> None:
    if not visitor.visit.actor.rights.is_owner or visitor.visit.community is not None:
        raise HTTPException(404)
