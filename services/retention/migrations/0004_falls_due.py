"""The index by which what falls due between two days is counted."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DDL = """
CREATE INDEX schedule_falls_due ON schedule (actionable_from)
    WHERE state = 'current' AND lifecycle NOT IN ('executed', 'shredded', 'disposed');
"""


def upgrade() -> None:
    """Add the index."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
