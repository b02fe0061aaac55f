"""Seal the reasons of sanctions that moderators gave by hand; they had stood, readable, where a category stands.

Those of users who were forgotten before are taken away: they should have gone with their user. So are those of users whose key was
destroyed since, in a copy of the database that is restored.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from storage.keyring import Keyring
from storage.records import UserKey
from storage.sealing import DataKey, SealedColumn, Sealer

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MANUAL = "manual"
_FORGOTTEN = "forgotten-"
_KEYS = sa.table(
    "data_keys",
    *(sa.column(name) for name in ("kind", "platform", "subject_id", "key_id")),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_SANCTIONS = sa.table(
    "sanctions",
    *(sa.column(name) for name in ("id", "platform", "user_id", "category", "reason", "policy_version")),
)


def upgrade() -> None:
    """Go forward to this revision."""
    op.add_column("sanctions", sa.Column("reason", sa.Text(), nullable=True))
    rows = _given_by_hand()
    sealers = _sealers({_user(row) for row in rows if not row.user_id.startswith(_FORGOTTEN)}, makes_keys=True)
    for row in rows:
        sealer = sealers.get(_user(row))
        reason = None if sealer is None else sealer.seal(SealedColumn.SANCTION_REASON, row.category)
        _rewrite(row.id, category=_MANUAL, reason=reason)


def downgrade() -> None:
    """Go back to the revision before."""
    rows = _given_by_hand()
    sealers = _sealers({_user(row) for row in rows if row.reason}, makes_keys=False)
    for row in rows:
        if row.reason and (sealer := sealers.get(_user(row))):
            _rewrite(row.id, category=sealer.open(SealedColumn.SANCTION_REASON, row.reason), reason=None)
    with op.batch_alter_table("sanctions") as sanctions:
        sanctions.drop_column("reason")


def _given_by_hand() -> list[Any]:
    query = sa.select(_SANCTIONS).where(_SANCTIONS.c.policy_version == _MANUAL).order_by(_SANCTIONS.c.id)
    return list(op.get_bind().execute(query))


def _rewrite(number: int, *, category: str, reason: str | None) -> None:
    statement = sa.update(_SANCTIONS).where(_SANCTIONS.c.id == number)
    op.get_bind().execute(statement.values(category=category, reason=reason))


def _user(row: Any) -> UserKey:
    return UserKey(platform=row.platform, id=row.user_id)


def _sealers(users: set[UserKey], *, makes_keys: bool) -> dict[UserKey, Sealer]:
    """Return the sealer of each user whose key is there; where keys are made, also of who had none."""
    if not users:
        return {}
    keyring = _keyring()
    known = sa.select(_KEYS).where(_KEYS.c.kind == "user")
    ids = {UserKey(platform=row.platform, id=row.subject_id): row.key_id for row in op.get_bind().execute(known)}
    ids = {user: key_id for user, key_id in ids.items() if user in users}
    secrets = dict(keyring.read(list(ids.values()))) if ids else {}
    without = sorted(users - ids.keys(), key=lambda user: (user.platform, user.id)) if makes_keys else []
    if without:
        now = datetime.now(UTC)
        made = keyring.create(len(without), now)
        new = dict(zip(without, made, strict=True))
        op.bulk_insert(
            _KEYS,
            [
                {
                    "kind": "user",
                    "platform": user.platform,
                    "subject_id": user.id,
                    "key_id": key_id,
                    "created_at": now,
                }
                for user, key_id in new.items()
            ],
        )
        ids |= new
        secrets |= made
    return {user: Sealer(user, DataKey(secrets[key_id])) for user, key_id in ids.items() if key_id in secrets}


def _keyring() -> Keyring:
    """Return the keyring that `storage/migration.py` gives."""
    keyring: Keyring | None = context.config.attributes.get("keyring")
    if keyring is None:
        raise RuntimeError("no keyring given: run the migrations with `python main.py db upgrade`")
    return keyring
