"""Seal what people wrote, each text with the key of whom it is about; the keys are in the keyring beside the database."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from storage.keyring import Keyring
from storage.records import ConversationKey, UserKey
from storage.sealing import DataKey, SealedColumn, Sealer, Subject, kind_of

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHANGES = "SELECT c.id, c.old_value, c.new_value, m.platform, m.user_id FROM memory_changes c JOIN memories m ON m.id = c.memory_id"
_STEPS = "SELECT s.id, s.text, i.platform, i.user_id FROM interview_steps s JOIN interviews i ON i.id = s.interview_id"
_REASONS = (
    "SELECT c.id, c.reason, s.platform, s.user_id FROM sanction_changes c JOIN sanctions s ON s.id = c.sanction_id"
)


def _user(row: Any) -> Subject:
    return UserKey(platform=row.platform, id=row.user_id)


def _author(row: Any) -> Subject:
    return UserKey(platform=row.platform, id=row.author_id)


def _conversation(row: Any) -> Subject:
    return ConversationKey(platform=row.platform, id=row.id)


# Table, how its rows are read, whose they are, and which of their columns are sealed.
_SEALED: tuple[tuple[str, str, Callable[[Any], Subject], tuple[str, ...]], ...] = (
    ("sanctions", "SELECT id, text, reply, platform, user_id FROM sanctions", _user, ("text", "reply")),
    ("sanction_changes", _REASONS, _user, ("reason",)),
    ("memory_changes", _CHANGES, _user, ("old_value", "new_value")),
    ("memories", "SELECT id, live_key, key, value, platform, user_id FROM memories", _user, ("key", "value")),
    ("conversations", "SELECT platform, id, last_summary FROM conversations", _conversation, ("last_summary",)),
    ("appeals", "SELECT id, text, reason, platform, user_id FROM appeals", _user, ("text", "reason")),
    ("reports", "SELECT id, text, platform, author_id FROM reports", _author, ("text",)),
    ("interview_steps", _STEPS, _user, ("text",)),
    ("notes", "SELECT id, text, platform, user_id FROM notes", _user, ("text",)),
)


def upgrade() -> None:
    """Go forward to this revision."""
    op.create_table(
        "data_keys",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "platform", "subject_id", "key_id")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "platform", "subject_id", name="pk_data_keys"),
        sa.UniqueConstraint("key_id", name="uq_data_keys_key_id"),
    )
    subjects = {
        owner(row)
        for _, query, owner, columns in _SEALED
        for row in op.get_bind().execute(sa.text(query))
        if any(getattr(row, column) for column in columns)
    }
    if subjects:
        sealers = _make_keys(sorted(subjects, key=lambda subject: (kind_of(subject), subject.platform, subject.id)))
        _rewrite(sealers, lambda sealer, column, text: sealer.seal(column, text))
        _rewrite_live_keys(sealers, is_sealed=True)


def downgrade() -> None:
    """Go back to the revision before."""
    sealers = _known_sealers()
    if sealers:
        _rewrite_live_keys(sealers, is_sealed=False)
        _rewrite(sealers, lambda sealer, column, text: sealer.open(column, text))
    op.drop_table("data_keys")


def _make_keys(subjects: list[Subject]) -> dict[Subject, Sealer]:
    now = datetime.now(UTC)
    secrets = _keyring().create(len(subjects), now)
    data_keys = sa.table(
        "data_keys",
        *(sa.column(name) for name in ("kind", "platform", "subject_id", "key_id")),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    op.bulk_insert(
        data_keys,
        [
            {
                "kind": kind_of(subject),
                "platform": subject.platform,
                "subject_id": subject.id,
                "key_id": key_id,
                "created_at": now,
            }
            for subject, key_id in zip(subjects, secrets, strict=True)
        ],
    )
    made = zip(subjects, secrets.values(), strict=True)
    return {subject: Sealer(subject, DataKey(secret)) for subject, secret in made}


def _known_sealers() -> dict[Subject, Sealer]:
    rows = op.get_bind().execute(sa.text("SELECT kind, platform, subject_id, key_id FROM data_keys")).all()
    secrets = _keyring().read([row.key_id for row in rows]) if rows else {}
    subjects = {
        row.key_id: (UserKey if row.kind == "user" else ConversationKey)(platform=row.platform, id=row.subject_id)
        for row in rows
    }
    return {subjects[key_id]: Sealer(subjects[key_id], DataKey(secret)) for key_id, secret in secrets.items()}


def _rewrite(sealers: Mapping[Subject, Sealer], change: Callable[[Sealer, SealedColumn, str], str]) -> None:
    """Put every sealed column through `change`."""
    connection = op.get_bind()
    for table, query, owner, columns in _SEALED:
        for row in connection.execute(sa.text(query)).all():
            old = {column: getattr(row, column) for column in columns if getattr(row, column)}
            if not old:
                continue
            sealer = sealers[owner(row)]
            new = {column: change(sealer, SealedColumn(f"{table}.{column}"), text) for column, text in old.items()}
            key = {"own_id": row.id} | ({"own_platform": row.platform} if table == "conversations" else {})
            chosen = " AND ".join(f"{name.removeprefix('own_')} = :{name}" for name in key)
            values = ", ".join(f"{column} = :{column}" for column in new)
            connection.execute(sa.text(f"UPDATE {table} SET {values} WHERE {chosen}"), new | key)


def _rewrite_live_keys(sealers: Mapping[Subject, Sealer], *, is_sealed: bool) -> None:
    """Let live memories be told apart by a mark of their key, or by the key without spaces as before."""
    connection = op.get_bind()
    query = "SELECT id, key, platform, user_id FROM memories WHERE live_key IS NOT NULL"
    for row in connection.execute(sa.text(query)).all():
        sealer = sealers[_user(row)]
        key = "".join(sealer.open(SealedColumn.MEMORY_KEY, row.key).split())
        mark = sealer.mark(SealedColumn.MEMORY_LIVE_KEY, key) if is_sealed else key
        connection.execute(sa.text("UPDATE memories SET live_key = :mark WHERE id = :id"), {"mark": mark, "id": row.id})


def _keyring() -> Keyring:
    """Return the keyring that `storage/migration.py` gives."""
    keyring: Keyring | None = context.config.attributes.get("keyring")
    if keyring is None:
        raise RuntimeError("no keyring given: run the migrations with `python main.py db upgrade`")
    return keyring
