"""The trace of each transaction's changes, carried to the topics: a queue's row tells it once for all of its rows."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DDL = "ALTER TABLE unpublished ADD COLUMN trace text;"


def upgrade() -> None:
    """Add the column."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
