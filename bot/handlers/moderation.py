"""What moderators do: /lift, /warn, /block, /note. What they see stands in `bot/handlers/cases.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.answers import Answer, Choice
from bot.block_length import parse_length
from bot.desk import Value
from bot.handlers.decisions import CaseDecisions, Refused, Ruling, Verdict
from bot.handlers.visit import Complete, Run, Visit, matching
from storage.database import Database
from storage.notes import NoteStore
from storage.records import MANUAL, Evidence, Note, Sanction, SanctionKind, UserKey
from storage.sanctions import SanctionStore

LONGEST_CATEGORY = 100  # characters of the reason that stand in a notice
_MOST_SUGGESTED = 100  # read anew for every letter that is typed


class ModerationHandler:
    """Warns, blocks, lifts and notes, within the community that the moderator is in."""

    def __init__(self, database: Database, decisions: CaseDecisions) -> None:
        """Write to `database`, and decide by `decisions`; other moderators see it on the case's card."""
        self._database = database
        self._decisions = decisions

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
        remaining = max(end - visit.now, timedelta())
        return await self.rule(visit, Ruling(number=number, verdict=Verdict.END, reason=reason, remaining=remaining))

    async def take_back(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """Overturn a warning or a block that was wrong, also one that is over."""
        return await self.overturn(visit, int(arguments["sanction"]), str(arguments["reason"]))

    async def overturn(self, visit: Visit, number: int, reason: str) -> Answer:
        """Declare that a sanction was wrong: a block ends, its rung is given back, and an open appeal against it is granted."""
        return await self.rule(visit, Ruling(number=number, verdict=Verdict.OVERTURN, reason=reason))

    async def rule(self, visit: Visit, ruling: Ruling) -> Answer:
        """Decide a case, and say what came of it."""
        is_owner = visit.actor.rights.is_owner
        done = await self._decisions.decide(
            visit.user, visit.scope, ruling, visit.now, is_owner=is_owner, pseudonym=visit.pseudonym
        )
        if isinstance(done, Refused):
            return visit.say(f"refused.{done}", number=ruling.number)
        if done.change is None:
            return visit.say("moderation.upheld", number=ruling.number)
        until = "" if done.change.new_end is None else visit.texts.moment(done.change.new_end)
        return visit.say(f"decided.{done.change.action}", number=ruling.number, until=until)

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
        """Suggest the newest blocks that are in force; any other is named by its number."""
        async with self._database.read() as session:
            blocks = await SanctionStore(session).in_force(visit.now, visit.scope, _MOST_SUGGESTED)
        choices = [Choice(label=visit.texts.case_line(block, visit.now), value=str(block.id)) for block in blocks]
        return matching(choices, typed)

    async def _sanction(self, visit: Visit, arguments: Mapping[str, Value], until: datetime | None) -> Answer:
        user = UserKey(platform=visit.user.platform, id=str(arguments["user"]))
        reason = " ".join(str(arguments["reason"]).split())
        if len(reason) > LONGEST_CATEGORY:
            return visit.say("moderation.long_reason", most=LONGEST_CATEGORY)
        if user == visit.user:
            return visit.say(f"refused.{Refused.OWN_CASE}", number=0)
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
            return visit.say("moderation.warned", **values)
        return visit.say("moderation.blocked", **values, until=visit.texts.moment(until))
