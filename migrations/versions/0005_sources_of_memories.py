"""Add when a memory was last used, and the link to the message that it came from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward to this revision."""
    op.add_column("memories", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("memory_changes", sa.Column("link", sa.String(), nullable=True))
    op.create_index("ix_memory_changes_request_id", "memory_changes", ["request_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_memory_changes_request_id", "memory_changes")
    with op.batch_alter_table("memory_changes") as changes:
        changes.drop_column("link")
    with op.batch_alter_table("memories") as memories:
        memories.drop_column("last_used_at")
