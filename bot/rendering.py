"""Our types as text for people: the only user-facing wording, from the catalogues in bot/locales."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta
from babel.messages.pofile import read_po

from engine.memory_firewall import Objection
from engine.types import ChatOutcome, ChatReply, Expression, Eyes, Mouth, Notice, Pose, Rejection
from storage.records import (
    MANUAL,
    Appeal,
    Evidence,
    Memory,
    MemoryChange,
    Report,
    Sanction,
    SanctionChange,
    SanctionKind,
)

LOCALES_DIR = Path(__file__).resolve().parent / "locales"
LANGUAGES = ("ko", "en")
_NEVER = 1e9  # how many of a unit there must be before Babel takes a larger one
_EYE_SIGNS = {Eyes.SMALL: "ᴗ", Eyes.NORMAL: "•", Eyes.WIDE: "◉", Eyes.VERY_WIDE: "✦"}
_MOUTH_SIGNS = {Mouth.NORMAL: "‿", Mouth.WIDE: "▽", Mouth.VERY_WIDE: "◯"}
_POSE_SPACES = {Pose.NONE: (1, 1), Pose.NORMAL: (0, 2), Pose.FAR: (0, 4)}


@cache
def read_catalogue(language: str) -> Mapping[str, str]:
    """Read the texts of a language (ko or en) by key."""
    with (LOCALES_DIR / f"{language}.po").open("rb") as stream:
        return {str(message.id): str(message.string) for message in read_po(stream) if message.id}


class Texts:
    """The texts of one language and one time zone."""

    def __init__(self, locale: str, zone: ZoneInfo) -> None:
        """Take Korean for `ko` and `ko-…`, English for every other `locale`; moments are written in `zone`."""
        self.language = "ko" if re.split("[-_]", locale.lower())[0] == "ko" else "en"
        self._zone = zone
        self._texts = read_catalogue(self.language)

    def in_language(self, language: str) -> Texts:
        """Return the texts of another language, in the same time zone."""
        return Texts(language, self._zone)

    def get(self, key: str, **values: Any) -> str:
        """Return the text of `key` with its `{values}` filled in."""
        return self._texts[key].format(**values)

    def moment(self, value: datetime) -> str:
        """Write a moment in the reader's language and time zone."""
        form = "yyyy년 M월 d일 aaaa h:mm" if self.language == "ko" else "d MMM yyyy, HH:mm zzz"
        return format_datetime(value.astimezone(self._zone), form, locale=self.language)

    def seconds(self, count: float) -> str:
        """Write a time in whole seconds, at least one: `1 second`, `40 seconds`."""
        return self._length(timedelta(seconds=max(1, round(count))), "second")

    def days(self, count: int) -> str:
        """Write a time in days: `1 day`, `30 days`."""
        return self._length(timedelta(days=count), "day")

    def _length(self, length: timedelta, unit: Literal["second", "day"]) -> str:
        return format_timedelta(length, granularity=unit, threshold=_NEVER, locale=self.language)

    def category(self, name: str) -> str:
        """Write a category's name."""
        return self._texts.get(f"category.{name}", name)

    def notice(self, notice: Notice) -> str:
        """Write what a user must be told of a sanction."""
        categories = ", ".join(self.category(name) for name in notice.categories)
        by = "manual" if notice.is_manual else "notice"
        if notice.kind is SanctionKind.BLOCK and notice.expires_at is not None:
            until = self.moment(notice.expires_at)
            return self.get(f"block.{by}", categories=categories, level=notice.level, until=until)
        return self.get(f"warning.{by}", categories=categories, level=notice.level)

    def outcome(self, outcome: ChatOutcome, request_id: str) -> str:
        """Write the line that answers a message: her reply, or why there is none."""
        if isinstance(outcome, ChatReply):
            return outcome.text
        return self._rejection(outcome, request_id)

    def _rejection(self, rejection: Rejection, request_id: str) -> str:
        if rejection.notice is not None:
            return self.notice(rejection.notice)
        if rejection.wait_s is not None:
            return self.get("rejection.queue_full_for", wait=self.seconds(rejection.wait_s))
        return self.get(f"rejection.{rejection.reason}", request_id=request_id)

    def memory_line(self, number: int, memory: Memory, source: MemoryChange | None) -> str:
        """Write one line of a list of memories: what, from where, and last used when."""
        key = "memory.pinned_item" if memory.is_pinned else "memory.item"
        line = self.get(key, number=number, memory=memory.text)
        origin = self._memory_source(source) if source else self.moment(memory.updated_at)
        return self.get("memory.line", line=line, source=origin, used=self._memory_use(memory))

    def memory_card(self, memory: Memory | None, changes: Sequence[MemoryChange]) -> str:
        """Write what a memory is, what stood before, where it comes from and when it was last used; None is a forgotten one."""
        if memory is None:
            return self.get("memory.card_forgotten")
        source = [change for change in changes if change.new_value is not None][-1]
        lines = [self.get("memory.card_pinned" if memory.is_pinned else "memory.card", memory=memory.text)]
        if source.old_value is not None:
            lines.append(self.get("memory.card_before", value=source.old_value))
        lines.append(self.get("memory.card_source", source=self._memory_source(source)))
        if source.request_id is not None:
            lines.append(self.get("memory.card_request", request_id=source.request_id))
        lines += [source.link] if source.link else []
        return "\n".join([*lines, self.get("memory.card_use", used=self._memory_use(memory))])

    def memory_edited(self, done: Memory | Objection | None) -> str:
        """Write what came of a memory's new value."""
        if done is None:
            return self.get("memory.gone")
        if isinstance(done, Memory):
            return self.get("memory.edited", memory=done.text)
        return self.get(f"unfit.{done}")

    def memory_pinned(self, done: Memory | None) -> str:
        """Write whether a memory is pinned now."""
        if done is None:
            return self.get("memory.gone")
        return self.get("memory.pinned" if done.is_pinned else "memory.unpinned", memory=done.text)

    def memory_undone(self, done: MemoryChange | Objection | None) -> str:
        """Write what came of taking a change back."""
        if done is None:
            return self.get("memory.undo_late")
        if not isinstance(done, MemoryChange):
            return self.get(f"unfit.{done}")
        return self.get("memory.undone" if done.new_value is not None else "memory.undone_forgotten")

    def _memory_source(self, source: MemoryChange) -> str:
        by = "hand" if source.request_id is None else "turn"
        return self.get(f"memory_source.{by}", moment=self.moment(source.changed_at))

    def _memory_use(self, memory: Memory) -> str:
        if memory.last_used_at is None:
            return self.get("memory.unused")
        return self.get("memory.used", moment=self.moment(memory.last_used_at))

    def sanction(self, number: int, sanction: Sanction, now: datetime) -> str:
        """Write one line of a user's sanction log."""
        return self.get("sanctions.numbered", number=number, sanction=self._sanction(sanction, now))

    def sanction_line(self, sanction: Sanction, now: datetime) -> str:
        """Write one line of a user's own log, by the number that it is appealed under."""
        return self.get("sanctions.own", number=sanction.id, sanction=self._sanction(sanction, now))

    def case_line(self, sanction: Sanction, now: datetime, *, is_whole: bool = False) -> str:
        """Write one line of a moderator's list: who, what, and the beginning of what was said (the whole with the evidence)."""
        user = self.get("cases.forgotten_user") if sanction.user.is_forgotten else sanction.user.id
        values = {"number": sanction.id, "user": user, "sanction": self._sanction(sanction, now)}
        excerpt = _excerpt(sanction.evidence.text)
        if is_whole or not excerpt:
            return self.get("cases.line", **values)
        return self.get("cases.line_with_text", **values, text=excerpt)

    def evidence(self, evidence: Evidence) -> list[str]:
        """Write what a sanction was decided on, a line each."""
        if evidence.policy_version == MANUAL:
            return [self.get("evidence.manual", moderator=evidence.request_id.removeprefix(f"{MANUAL}:"))]
        lines = [self.get("evidence.text", text=_excerpt(evidence.text, 800))] if evidence.text else []
        if evidence.reply:
            lines.append(self.get("evidence.reply", text=_excerpt(evidence.reply, 400)))
        for name, score in sorted(evidence.scores.items(), key=lambda item: -item[1]):
            bound = evidence.thresholds.get(name)
            limit = "-" if bound is None else f"{bound:.2f}"
            lines.append(self.get("evidence.score", category=self.category(name), score=f"{score:.2f}", limit=limit))
        origin = self.get(
            "evidence.origin",
            profile=evidence.profile,
            policy=evidence.policy_version,
            request_id=evidence.request_id,
        )
        return [*lines, origin]

    def standing(self, sanction: Sanction) -> list[str]:
        """Write where a sanction of the engine stands on its ladder, how clear it was, and where the message is, a line each."""
        if sanction.is_manual:
            return []
        line = self.get("evidence.rungs", before=sanction.rung_before, after=sanction.level)
        if sanction.margin is not None:
            over = self.get("evidence.margin", margin=f"{sanction.margin:.2f}")
            line = f"{line} · {over}"
        link = sanction.evidence.link
        return [line] if link is None else [line, self.get("evidence.link", link=link)]

    def sanction_change(self, change: SanctionChange) -> str:
        """Write what a moderator did with a sanction."""
        until = "" if change.new_end is None else self.moment(change.new_end)
        moment = self.moment(change.changed_at)
        return self.get(f"sanctions.{change.action}", reason=change.reason, until=until, moment=moment)

    def card_change(self, change: SanctionChange) -> str:
        """Write what a moderator did with a sanction for a card, which names who did it."""
        until = "" if change.new_end is None else self.moment(change.new_end)
        values = {"moderator": change.moderator.id, "moment": self.moment(change.changed_at), "until": until}
        return self.get(f"card_change.{change.action}", **values, reason=self._reason(change.reason))

    def card_denial(self, appeal: Appeal) -> str:
        """Write for a card that an appeal was denied."""
        moment = self.moment(appeal.decided_at or appeal.created_at)
        return self.get("card.denied", moment=moment, reason=self._reason(appeal.reason or ""))

    def _reason(self, text: str) -> str:
        """Write a reason for a card; one that went with its user is said to be gone."""
        return _excerpt(text, 200) or self.get("cases.erased_reason")

    def verdict(self, appeal: Appeal, changes: Sequence[SanctionChange]) -> str:
        """Write to a user what came of their appeal, and why."""
        change = next((each for each in changes if each.changed_at == appeal.decided_at), None)
        what = "upheld" if change is None else change.action.value
        until = "" if change is None or change.new_end is None else self.moment(change.new_end)
        return self.get(
            f"verdict.{what}", number=appeal.sanction_id, until=until, reason=_excerpt(appeal.reason or "", 500)
        )

    def appeal(self, appeal: Appeal) -> str:
        """Write an appeal and what came of it."""
        moment = self.moment(appeal.decided_at or appeal.created_at)
        text = _excerpt(appeal.text, 400)
        return self.get(f"appeals.{appeal.state}", text=text, reason=appeal.reason or "", moment=moment)

    def report_line(self, report: Report) -> str:
        """Write one line of a list of reports."""
        return self.get(
            "cases.report",
            number=report.id,
            user=report.author.id,
            moment=self.moment(report.created_at),
            text=_excerpt(report.text),
        )

    def _sanction(self, sanction: Sanction, now: datetime) -> str:
        """Write kind, offence and time of a sanction."""
        offence = self.category(sanction.category)
        if not sanction.is_manual:
            offence = self.get("sanctions.offence", category=offence, level=sanction.level)
        values = {"offence": offence, "started": self.moment(sanction.started_at)}
        if sanction.end is None:
            return self.get("sanctions.warning", **values)
        was_lifted = sanction.ended_at is not None and sanction.ended_at <= now
        state = "sanctions.active" if sanction.holds(now) else "sanctions.ended" if was_lifted else "sanctions.over"
        return self.get("sanctions.block", **values, until=self.moment(sanction.end), state=self.get(state))


def _excerpt(text: str, most: int = 60) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def draw_face(expression: Expression) -> str:
    """Draw a face in one line of text: eyes, mouth, and the head turned by moving them aside."""
    eye, mouth = _EYE_SIGNS[expression.eyes], _MOUTH_SIGNS[expression.mouth]
    before, behind = _POSE_SPACES[expression.pose]
    return f"({' ' * before}{eye} {mouth} {eye}{' ' * behind})"


def printable(text: str) -> str:
    """Return `text` without control characters, so that no text can steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
