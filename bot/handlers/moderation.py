"""What moderators do: /lift, /warn, /block, /note. What they see stands in `bot/handlers/cases.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.answers import Announcement, Answer, Choice
from bot.block_length import parse_length
from bot.desk import Value
from bot.handlers.modlog import Modlog
from bot.handlers.visit import Complete, Run, Visit, matching
from storage.appeals import AppealStore
from storage.database import Database
from storage.notes import NoteStore
from storage.records import (
    MANUAL,
    AppealState,
    Evidence,
    Note,
    Sanction,
    SanctionAction,
    SanctionKind,
    SanctionState,
    UserKey,
)
from storage.sanctions import SanctionStore

LONGEST_CATEGORY = 100  # characters of the reason that stand in a notice


class ModerationHandler:
    """Warns, blocks, lifts and notes, within the community that the moderator is in."""

    def __init__(self, database: Database, modlog: Modlog) -> None:
        """Write to `database` and tell the other moderators in their `modlog`."""
        self._database = database
        self._modlog = modlog

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {
            "lift": self.lift,
            "overturn": self.take_back,
            "warn": self.warn,
            "block": self.block,
            "note": self.note,
        }

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {(name, "sanction"): self.complete_sanction for name in ("lift", "overturn")}

    async def lift(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """End a block now, or sooner than it would."""
        end = visit.now
        if "remaining" in arguments:
            length = parse_length(str(arguments["remaining"]))
            if length is None:
                return visit.say("moderation.bad_length")
            end = visit.now + length
        return await self.end(visit, int(arguments["sanction"]), end, str(arguments["reason"]))

    async def end(self, visit: Visit, number: int, end: datetime, reason: str) -> Answer:
        """Let the block of that number end at `end`, which grants an open appeal against it."""
        async with self._database.begin() as session:
            store = SanctionStore(session)
            sanction = await store.get(number, visit.scope)
            refusal = _why_not(visit, sanction, end)
            if sanction is None or refusal is not None:
                return visit.say(refusal or "moderation.no_such", number=number)
            change = await store.end(number, end, visit.user, reason, visit.now)
            await AppealStore(session).decide(number, AppealState.GRANTED, visit.user, reason, visit.now)
        is_lifted = change.action is SanctionAction.LIFTED
        told = await self._tell(
            visit,
            "modlog.lifted" if is_lifted else "modlog.reduced",
            number=number,
            user=sanction.user.id,
            reason=reason,
            until=self._modlog.texts.moment(end),
        )
        text = visit.texts.get(
            "moderation.lifted" if is_lifted else "moderation.reduced", number=number, until=visit.texts.moment(end)
        )
        return Answer(text=text, announcements=told)

    async def take_back(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Overturn a warning or a block that was wrong, also one that is over."""
        return await self.overturn(visit, int(arguments["sanction"]), str(arguments["reason"]))

    async def overturn(self, visit: Visit, number: int, reason: str) -> Answer:
        """Declare that a sanction was wrong: a block ends, its rung is given back, and an open appeal against it is granted."""
        async with self._database.begin() as session:
            store = SanctionStore(session)
            sanction = await store.get(number, visit.scope)
            if sanction is None:
                return visit.say("moderation.no_such", number=number)
            if visit.is_me(sanction.user) and not visit.actor.rights.is_owner:
                return visit.say("moderation.own_case", number=number)
            if sanction.decision is SanctionState.OVERTURNED:
                return visit.say("moderation.overturned_already", number=number)
            await store.overturn(number, visit.user, reason, visit.now)
            await AppealStore(session).decide(number, AppealState.GRANTED, visit.user, reason, visit.now)
        told = await self._tell(visit, "modlog.overturned", number=number, user=sanction.user.id, reason=reason)
        return Answer(text=visit.texts.get("moderation.overturned", number=number), announcements=told)

    async def warn(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Write a warning into a user's log."""
        return await self._sanction(visit, arguments, None)

    async def block(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Block a user here for a while; an owner in private blocks them everywhere."""
        length = parse_length(str(arguments["length"]))
        if length is None:
            return visit.say("moderation.bad_length")
        return await self._sanction(visit, arguments, visit.now + length)

    async def note(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Keep a note on a user that other moderators here see."""
        user = UserKey(platform=visit.user.platform, id=str(arguments["user"]))
        community = visit.actor.place.community
        note = Note(
            user=user, community=community, author=visit.user, text=str(arguments["text"]), created_at=visit.now
        )
        async with self._database.begin() as session:
            await NoteStore(session).add(note)
        return visit.say("moderation.noted", user=user.id)

    async def complete_sanction(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest the blocks that are in force."""
        async with self._database.read() as session:
            blocks = await SanctionStore(session).in_force(visit.now, visit.scope)
        choices = [Choice(label=visit.texts.case_line(block, visit.now), value=str(block.id)) for block in blocks]
        return matching(choices, typed)

    async def _sanction(self, visit: Visit, arguments: Mapping[str, Value], until: datetime | None) -> Answer:
        user = UserKey(platform=visit.user.platform, id=str(arguments["user"]))
        reason = " ".join(str(arguments["reason"]).split())
        if len(reason) > LONGEST_CATEGORY:
            return visit.say("moderation.long_reason", most=LONGEST_CATEGORY)
        if user == visit.user:
            return visit.say("moderation.own_case")
        evidence = Evidence(
            text="",
            reply=None,
            scores={},
            thresholds={},
            profile="",
            policy_version=MANUAL,
            request_id=f"{MANUAL}:{visit.user.id}",
        )
        async with self._database.begin() as session:
            stored = await SanctionStore(session).add(
                Sanction(
                    user=user,
                    category=reason,
                    level=1,
                    kind=SanctionKind.WARNING if until is None else SanctionKind.BLOCK,
                    started_at=visit.now,
                    expires_at=until,
                    evidence=evidence,
                    community=visit.actor.place.community,
                ),
                by=visit.user,
            )
        values = {"number": stored.id, "user": user.id, "reason": reason}
        if until is None:
            told = await self._tell(visit, "modlog.warned", **values)
            return Answer(text=visit.texts.get("moderation.warned", **values), announcements=told)
        told = await self._tell(visit, "modlog.blocked", **values, until=self._modlog.texts.moment(until))
        text = visit.texts.get("moderation.blocked", **values, until=visit.texts.moment(until))
        return Answer(text=text, announcements=told)

    async def _tell(self, visit: Visit, key: str, **values: object) -> tuple[Announcement, ...]:
        line = self._modlog.texts.get(key, **values, moderator=visit.user.id)
        return await self._modlog.tell(visit.community, line)


def _why_not(visit: Visit, sanction: Sanction | None, end: datetime) -> str | None:
    """Return the key of the reason why this moderator cannot end that sanction at `end`."""
    if sanction is None:
        return "moderation.no_such"
    if visit.is_me(sanction.user) and not visit.actor.rights.is_owner:
        return "moderation.own_case"
    if sanction.kind is SanctionKind.WARNING:
        return "moderation.warning_has_no_end"
    if not sanction.holds(visit.now):
        return "moderation.over_already"
    if sanction.end is not None and end >= sanction.end:
        return "moderation.not_shorter"
    return None
