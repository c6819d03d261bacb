"""Since when each mark waits: facts that nobody derives from are seen by their age."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Real time: how long the system itself takes, no policy.
DDL = "ALTER TABLE dirty ADD COLUMN marked_at timestamptz NOT NULL DEFAULT clock_timestamp();"


def upgrade() -> None:
    """Add the column."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
