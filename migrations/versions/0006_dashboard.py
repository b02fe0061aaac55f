"""Add the passes of the moderators' dashboard."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go forward to this revision."""
    op.create_table(
        "dashboard_passes",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_at", _UTC, nullable=False),
        sa.Column("expires_at", _UTC, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_dashboard_passes"),
    )
    op.create_index("ix_dashboard_passes_platform_user_id", "dashboard_passes", ["platform", "user_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("dashboard_passes")
