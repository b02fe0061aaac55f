"""Declare the tables, with types that SQLite and PostgreSQL share.

A change here needs a migration in `migrations/versions/`; a test compares the two.
"""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Store an aware datetime in UTC and return it aware, also where the database drops the zone.

    Raises:
        ValueError: the datetime is naive, so its moment is unknown.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone; give an aware one (UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what was stored as an aware UTC datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Gather the tables, with predictable constraint names that a migration can drop by name."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        str: String,
        dict[str, float]: JSON,
        list[str]: JSON,
    }


class DataKeyRow(Base):
    """Which key of the keyring seals the texts of one user or conversation; the key itself is not in the database."""

    __tablename__ = "data_keys"

    kind: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class SanctionRow(Base):
    """One warning or block with its evidence; a row's end may come earlier, and its texts be emptied.

    `counts_as` is the rung that it counts as today: its level, less the rungs given back beneath it; 0 once it is
    overturned, and for what moderators gave by hand, whose category is `MANUAL` and whose `reason` is sealed. `state` is
    `Sanction.decision`. `margin` is kept to sort by.
    """

    __tablename__ = "sanctions"
    __table_args__ = (
        Index(None, "platform", "user_id", "expires_at"),
        Index(None, "platform", "user_id", "started_at"),
        Index(None, "platform", "started_at"),
        Index(None, "platform", "expires_at"),
        # A page of the log is ordered by id, which ends every index of SQLite: these need no sorting.
        Index(None, "platform"),
        Index(None, "platform", "user_id"),
        Index(None, "platform", "category"),
        Index(None, "platform", "state"),
        Index(None, "platform", "community"),
        Index(None, "request_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    user_id: Mapped[str]
    category: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Text)
    level: Mapped[int]
    kind: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    text: Mapped[str] = mapped_column(Text)
    reply: Mapped[str | None] = mapped_column(Text)
    scores: Mapped[dict[str, float]]
    thresholds: Mapped[dict[str, float]]
    profile: Mapped[str]
    policy_version: Mapped[str]
    request_id: Mapped[str]
    community: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    rung_before: Mapped[int] = mapped_column(server_default="0")
    counts_as: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="active")
    margin: Mapped[float | None] = mapped_column(Float)
    declined: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    link: Mapped[str | None]


class ObservationRow(Base):
    """The scores of a message that came near a threshold and drew no sanction; no text of it."""

    __tablename__ = "observations"
    __table_args__ = (UniqueConstraint("request_id"), Index(None, "platform", "user_id", "observed_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    platform: Mapped[str]
    user_id: Mapped[str]
    community: Mapped[str | None]
    observed_at: Mapped[datetime] = mapped_column(index=True)
    scores: Mapped[dict[str, float]]
    thresholds: Mapped[dict[str, float]]
    declined: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    profile: Mapped[str]
    policy_version: Mapped[str]


class PolicyRow(Base):
    """What one policy version held when it was first used."""

    __tablename__ = "policies"

    version: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    content: Mapped[str] = mapped_column(Text)
    first_used_at: Mapped[datetime]


class AuditRow(Base):
    """One act of a person; the migration's triggers refuse to change or remove a row.

    Every column but `number` is text, exactly as it was hashed.
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "subject"), Index(None, "platform", "actor_id"))

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    platform: Mapped[str]
    actor_id: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[str]
    hash: Mapped[str]


class AuditHeadRow(Base):
    """The one row that says how many audit rows there are, and the hash of the last."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    hash: Mapped[str]


class MemoryRow(Base):
    """One memory of a user, live or forgotten.

    `live_key` is a mark of the key without spaces (a keyed hash: `storage/sealing.py`) while the memory is live, and NULL once it is
    forgotten.
    NULLs differ from each other in a unique constraint, so a user has at most one live memory for
    a key and any number of forgotten ones.
    """

    __tablename__ = "memories"
    __table_args__ = (UniqueConstraint("platform", "user_id", "live_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    user_id: Mapped[str]
    live_key: Mapped[str | None] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    is_pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    last_used_at: Mapped[datetime | None]


class MemoryChangeRow(Base):
    """One change of a memory; rows are only ever added."""

    __tablename__ = "memory_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    memory_id: Mapped[int] = mapped_column(ForeignKey("memories.id"), index=True)
    action: Mapped[str]
    old_value: Mapped[str | None] = mapped_column(Text)
    new_value: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]
    request_id: Mapped[str | None] = mapped_column(index=True)
    link: Mapped[str | None]


class ConversationRow(Base):
    """Where one conversation stands."""

    __tablename__ = "conversations"

    platform: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    last_summary: Mapped[str | None] = mapped_column(Text)
    turns: Mapped[int]
    updated_at: Mapped[datetime]


class TurnRow(Base):
    """How one turn went, without its text."""

    __tablename__ = "turns"
    __table_args__ = (Index(None, "user_platform", "user_id", "received_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(unique=True)
    user_platform: Mapped[str]
    user_id: Mapped[str]
    conversation_platform: Mapped[str]
    conversation_id: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    received_at: Mapped[datetime]
    profile: Mapped[str]
    timings_ms: Mapped[dict[str, float]]
    community: Mapped[str | None]


class UserSettingsRow(Base):
    """What one user chose."""

    __tablename__ = "user_settings"

    platform: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    is_paused: Mapped[bool]


class CommunitySettingsRow(Base):
    """What the admins of one server or group chose."""

    __tablename__ = "community_settings"

    platform: Mapped[str] = mapped_column(primary_key=True)
    community: Mapped[str] = mapped_column(primary_key=True)
    talk_channels: Mapped[list[str]]
    moderator_roles: Mapped[list[str]]
    modlog_channel: Mapped[str | None]
    face_mode: Mapped[str | None]
    temperature: Mapped[float | None] = mapped_column(Float)


class SanctionChangeRow(Base):
    """What one moderator did with one sanction; rows are only ever added."""

    __tablename__ = "sanction_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    sanction_id: Mapped[int] = mapped_column(ForeignKey("sanctions.id"), index=True)
    action: Mapped[str]
    platform: Mapped[str]
    moderator_id: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    old_end: Mapped[datetime | None]
    new_end: Mapped[datetime | None]


class NoteRow(Base):
    """One note of a moderator on a user."""

    __tablename__ = "notes"
    __table_args__ = (Index(None, "platform", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    user_id: Mapped[str]
    community: Mapped[str | None]
    author_id: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class AppealRow(Base):
    """One appeal. `open_sanction_id` is the sanction while the appeal is open: a sanction has at most one open appeal.

    `tell_at` is when the user is to be told next of the decision; NULL with `told_at` NULL: at the next contact.
    """

    __tablename__ = "appeals"
    __table_args__ = (UniqueConstraint("open_sanction_id"), Index(None, "platform", "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    sanction_id: Mapped[int] = mapped_column(ForeignKey("sanctions.id"), index=True)
    open_sanction_id: Mapped[int | None]
    platform: Mapped[str]
    user_id: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    moderator_id: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None]
    told_at: Mapped[datetime | None]
    tell_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(server_default="0")


class CaseCardRow(Base):
    """Where the card of one sanction stands in a modlog; with `due_at` it is its own outbox."""

    __tablename__ = "case_cards"

    sanction_id: Mapped[int] = mapped_column(ForeignKey("sanctions.id"), primary_key=True)
    channel: Mapped[str | None]
    message_id: Mapped[str | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    posting: Mapped[int]
    revision: Mapped[int]
    shown: Mapped[int]
    tries: Mapped[int]


class ReportRow(Base):
    """One reported message; `open_link` is its link while the report is open, so that it is reported once."""

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("platform", "open_link"), Index(None, "platform", "community"))

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    reporter_id: Mapped[str]
    author_id: Mapped[str]
    community: Mapped[str | None]
    text: Mapped[str] = mapped_column(Text)
    link: Mapped[str]
    open_link: Mapped[str | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    moderator_id: Mapped[str | None]


class SeenUpdateRow(Base):
    """One update that a platform sent, noted so that it is not taken twice."""

    __tablename__ = "seen_updates"

    platform: Mapped[str] = mapped_column(primary_key=True)
    update_id: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)


class InterviewRow(Base):
    """One interview. `open_conversation` is its conversation's id until it ends: a conversation has at most one open interview."""

    __tablename__ = "interviews"
    __table_args__ = (UniqueConstraint("platform", "open_conversation"), Index(None, "platform", "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    conversation_id: Mapped[str]
    open_conversation: Mapped[str | None]
    user_id: Mapped[str]
    bank: Mapped[str]
    state: Mapped[str]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class InterviewStepRow(Base):
    """One step of an interview: what was said to which question, and what stands after it; rows are only ever added."""

    __tablename__ = "interview_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    interview_id: Mapped[int] = mapped_column(ForeignKey("interviews.id"), index=True)
    question: Mapped[str]
    kind: Mapped[str]
    next_question: Mapped[str]
    at: Mapped[datetime]
    label: Mapped[str | None]
    score: Mapped[float | None] = mapped_column(Float)
    close_to: Mapped[str | None]
    closeness: Mapped[float | None] = mapped_column(Float)
    text: Mapped[str] = mapped_column(Text)


class ReviewCardRow(Base):
    """How well a user knows one answer of a bank, and when it is due again."""

    __tablename__ = "review_cards"

    platform: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    bank: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    box: Mapped[int]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]


class DashboardPassRow(Base):
    """One link to the dashboard or one session in it, by the digest of its token."""

    __tablename__ = "dashboard_passes"
    __table_args__ = (Index(None, "platform", "user_id"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    platform: Mapped[str]
    user_id: Mapped[str]
    community: Mapped[str | None]
    locale: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
