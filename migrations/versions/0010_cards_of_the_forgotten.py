"""Let the cards of users who were forgotten before be written anew: they still bear their ids."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_CARDS = sa.table(
    "case_cards",
    *(sa.column(name) for name in ("sanction_id", "revision", "tries")),
    sa.column("due_at", sa.DateTime(timezone=True)),
)
_SANCTIONS = sa.table("sanctions", sa.column("id"), sa.column("user_id"))


def upgrade() -> None:
    """Go forward to this revision."""
    forgotten = sa.select(_SANCTIONS.c.id).where(_SANCTIONS.c.user_id.like("forgotten-%"))
    due = {"due_at": datetime.now(UTC), "revision": _CARDS.c.revision + 1, "tries": 0}
    op.get_bind().execute(sa.update(_CARDS).where(_CARDS.c.sanction_id.in_(forgotten)).values(due))


def downgrade() -> None:
    """Go back to the revision before; what is due stays due."""
