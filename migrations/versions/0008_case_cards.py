"""Add cards of cases in modlogs, and how users are told of decisions on their appeals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward to this revision."""
    op.create_table(
        "case_cards",
        sa.Column("sanction_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("due_at", _UTC, nullable=True),
        sa.Column("posting", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sanction_id", name="pk_case_cards"),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"], name="fk_case_cards_sanction_id"),
    )
    op.create_index("ix_case_cards_due_at", "case_cards", ["due_at"])
    op.add_column("appeals", sa.Column("language", sa.String(), nullable=True))
    op.add_column("appeals", sa.Column("told_at", _UTC, nullable=True))
    op.add_column("appeals", sa.Column("tell_at", _UTC, nullable=True))
    op.add_column("appeals", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_appeals_tell_at", "appeals", ["tell_at"])
    op.execute("UPDATE appeals SET told_at = decided_at")  # decided before anybody was told: /status has them


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_appeals_tell_at", "appeals")
    with op.batch_alter_table("appeals") as appeals:
        for column in ("language", "told_at", "tell_at", "tries"):
            appeals.drop_column(column)
    op.drop_table("case_cards")
