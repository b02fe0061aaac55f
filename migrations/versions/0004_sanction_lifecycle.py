"""Add the lifecycle of sanctions, observations, policy versions and the audit; sanctions that are stored keep their standing."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UTC = sa.DateTime(timezone=True)
_MANUAL = "manual"
_DECLINING_WORDS = ("미안", "부담")  # of every policy until now
_NEW_TABLES = ("audit_head", "audit", "policies", "observations")
_NEW_COLUMNS = ("link", "declined", "margin", "state", "counts_as", "rung_before")
_SANCTION_INDEXES = (
    ("platform", "user_id", "started_at"),
    ("platform", "started_at"),
    ("platform", "expires_at"),
    ("platform",),
    ("platform", "user_id"),
    ("platform", "category"),
    ("platform", "state"),
    ("platform", "community"),
    ("request_id",),
)
# The audit is only ever added to, at its end; the head goes with it and never back.
_TRIGGERS = {
    "audit_is_never_changed": "BEFORE UPDATE ON audit",
    "audit_is_never_removed": "BEFORE DELETE ON audit",
    "audit_goes_on_at_its_end": (
        "BEFORE INSERT ON audit WHEN NOT EXISTS"
        " (SELECT 1 FROM audit_head WHERE number = NEW.number - 1 AND hash = NEW.previous)"
    ),
    "audit_head_is_never_removed": "BEFORE DELETE ON audit_head",
    "audit_has_one_head": "BEFORE INSERT ON audit_head WHEN EXISTS (SELECT 1 FROM audit_head)",
    "audit_head_only_goes_on": (
        "BEFORE UPDATE ON audit_head WHEN NEW.number != OLD.number + 1 OR NOT EXISTS"
        " (SELECT 1 FROM audit WHERE number = NEW.number AND hash = NEW.hash AND previous = OLD.hash)"
    ),
}


def upgrade() -> None:
    """Go forward to this revision."""
    _extend_sanctions()
    _fill_sanctions()
    _create_observations()
    _create_policies()
    _create_audit()
    op.create_index("ix_appeals_platform_user_id", "appeals", ["platform", "user_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_appeals_platform_user_id", "appeals")
    for table in _NEW_TABLES:
        op.drop_table(table)
    for columns in _SANCTION_INDEXES:
        op.drop_index(_index_name("sanctions", columns), "sanctions")
    with op.batch_alter_table("sanctions") as sanctions:
        for column in _NEW_COLUMNS:
            sanctions.drop_column(column)


def _index_name(table: str, columns: tuple[str, ...]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"


def _extend_sanctions() -> None:
    for column in (
        sa.Column("rung_before", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("counts_as", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("state", sa.String(), nullable=False, server_default="active"),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("declined", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("link", sa.String(), nullable=True),
    ):
        op.add_column("sanctions", column)
    for columns in _SANCTION_INDEXES:
        op.create_index(_index_name("sanctions", columns), "sanctions", list(columns))


def _fill_sanctions() -> None:
    """Derive what older rows did not keep; each counts as its level, and stands where its last change left it."""
    connection = op.get_bind()
    sanctions = sa.table(
        "sanctions",
        *(sa.column(name) for name in ("id", "category", "level", "policy_version", "reply")),
        *(sa.column(name) for name in ("rung_before", "counts_as", "state", "margin")),
        *(sa.column(name, sa.JSON(none_as_null=True)) for name in ("scores", "thresholds", "declined")),
    )
    changes = sa.table("sanction_changes", *(sa.column(name) for name in ("id", "sanction_id", "action")))
    last = {row.sanction_id: row.action for row in connection.execute(sa.select(changes).order_by(changes.c.id))}
    for row in connection.execute(sa.select(sanctions)).fetchall():
        is_manual = row.policy_version == _MANUAL
        score, threshold = row.scores.get(row.category), row.thresholds.get(row.category)
        values = {
            "rung_before": 0 if is_manual else row.level - 1,
            "counts_as": 0 if is_manual else row.level,
            "state": last.get(row.id, "active"),
            "margin": None if score is None or threshold is None else round(score - threshold, 4),
            "declined": [word for word in _DECLINING_WORDS if word in row.reply] if row.reply else None,
        }
        connection.execute(sa.update(sanctions).where(sanctions.c.id == row.id).values(values))


def _create_observations() -> None:
    op.create_table(
        "observations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=True),
        sa.Column("observed_at", _UTC, nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("declined", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_observations"),
        sa.UniqueConstraint("request_id", name="uq_observations_request_id"),
    )
    for columns in (("platform", "user_id", "observed_at"), ("observed_at",)):
        op.create_index(_index_name("observations", columns), "observations", list(columns))


def _create_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_policies"),
    )


def _create_audit() -> None:
    texts = ("at", "platform", "actor_id", "action", "subject", "details", "previous", "hash")
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text() if name == "details" else sa.String(), nullable=False) for name in texts),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_index("ix_audit_platform_actor_id", "audit", ["platform", "actor_id"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": ""}])
    if op.get_bind().dialect.name == "sqlite":
        for name, event in _TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {event} BEGIN SELECT RAISE(ABORT, '{name}'); END")
