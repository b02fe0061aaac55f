"""Add interviews, their steps, and the cards that say what is to be repeated."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward to this revision."""
    _create_interviews()
    _create_steps()
    _create_cards()


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("review_cards", "interview_steps", "interviews"):
        op.drop_table(table)


def _create_interviews() -> None:
    op.create_table(
        "interviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("open_conversation", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", _UTC, nullable=False),
        sa.Column("updated_at", _UTC, nullable=False),
        sa.Column("ended_at", _UTC, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_interviews"),
        sa.UniqueConstraint("platform", "open_conversation", name="uq_interviews_platform_open_conversation"),
    )
    op.create_index("ix_interviews_platform_user_id", "interviews", ["platform", "user_id"])


def _create_steps() -> None:
    op.create_table(
        "interview_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("interview_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("next_question", sa.String(), nullable=False),
        sa.Column("at", _UTC, nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("close_to", sa.String(), nullable=True),
        sa.Column("closeness", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_interview_steps"),
        sa.ForeignKeyConstraint(["interview_id"], ["interviews.id"], name="fk_interview_steps_interview_id"),
    )
    op.create_index("ix_interview_steps_interview_id", "interview_steps", ["interview_id"])


def _create_cards() -> None:
    op.create_table(
        "review_cards",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("box", sa.Integer(), nullable=False),
        sa.Column("asked_at", _UTC, nullable=False),
        sa.Column("due_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("platform", "user_id", "bank", "question", "label", name="pk_review_cards"),
    )
