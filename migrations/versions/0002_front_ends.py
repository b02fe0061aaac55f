"""Add what the platforms need: settings of users and communities, moderation, duplicates; a sanction may end early."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UTC = sa.DateTime(timezone=True)
_NEW_TABLES = (
    "seen_updates",
    "reports",
    "appeals",
    "notes",
    "sanction_changes",
    "community_settings",
    "user_settings",
)


def upgrade() -> None:
    """Go forward to this revision."""
    _extend_tables()
    _create_settings()
    _create_sanction_changes()
    _create_notes()
    _create_appeals()
    _create_reports()
    _create_seen_updates()


def downgrade() -> None:
    """Go back to the revision before."""
    for table in _NEW_TABLES:
        op.drop_table(table)
    with op.batch_alter_table("turns") as turns:
        turns.drop_column("community")
    with op.batch_alter_table("memories") as memories:
        memories.drop_column("is_pinned")
    with op.batch_alter_table("sanctions") as sanctions:
        sanctions.drop_column("told_at")
        sanctions.drop_column("ended_at")
        sanctions.drop_column("community")


def _extend_tables() -> None:
    op.add_column("sanctions", sa.Column("community", sa.String(), nullable=True))
    op.add_column("sanctions", sa.Column("ended_at", _UTC, nullable=True))
    op.add_column("sanctions", sa.Column("told_at", _UTC, nullable=True))
    op.add_column("turns", sa.Column("community", sa.String(), nullable=True))
    with op.batch_alter_table("memories") as memories:
        memories.add_column(sa.Column("is_pinned", sa.Boolean(), nullable=False, server_default=sa.false()))


def _create_settings() -> None:
    op.create_table(
        "user_settings",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "user_id", name="pk_user_settings"),
    )
    op.create_table(
        "community_settings",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=False),
        sa.Column("talk_channels", sa.JSON(), nullable=False),
        sa.Column("moderator_roles", sa.JSON(), nullable=False),
        sa.Column("modlog_channel", sa.String(), nullable=True),
        sa.Column("face_mode", sa.String(), nullable=True),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("platform", "community", name="pk_community_settings"),
    )


def _create_sanction_changes() -> None:
    op.create_table(
        "sanction_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sanction_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("moderator_id", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", _UTC, nullable=False),
        sa.Column("old_end", _UTC, nullable=True),
        sa.Column("new_end", _UTC, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sanction_changes"),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"], name="fk_sanction_changes_sanction_id"),
    )
    op.create_index("ix_sanction_changes_sanction_id", "sanction_changes", ["sanction_id"])


def _create_notes() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=True),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_platform_user_id", "notes", ["platform", "user_id"])


def _create_appeals() -> None:
    op.create_table(
        "appeals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sanction_id", sa.Integer(), nullable=False),
        sa.Column("open_sanction_id", sa.Integer(), nullable=True),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("decided_at", _UTC, nullable=True),
        sa.Column("moderator_id", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_appeals"),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"], name="fk_appeals_sanction_id"),
        sa.UniqueConstraint("open_sanction_id", name="uq_appeals_open_sanction_id"),
    )
    op.create_index("ix_appeals_sanction_id", "appeals", ["sanction_id"])


def _create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("open_link", sa.String(), nullable=True),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("closed_at", _UTC, nullable=True),
        sa.Column("moderator_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("platform", "open_link", name="uq_reports_platform_open_link"),
    )
    op.create_index("ix_reports_platform_community", "reports", ["platform", "community"])


def _create_seen_updates() -> None:
    op.create_table(
        "seen_updates",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("update_id", sa.String(), nullable=False),
        sa.Column("seen_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("platform", "update_id", name="pk_seen_updates"),
    )
    op.create_index("ix_seen_updates_seen_at", "seen_updates", ["seen_at"])
