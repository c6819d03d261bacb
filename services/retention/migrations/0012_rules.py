"""What rules of the scheme read: ages and conduct of persons on records, overrides and moves."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DDL = """
-- The earliest day of what the person is said to have done; whether a review of the record said why it counts, however
-- young they were; and the roles for which the record reads their birth date, one space between.
ALTER TABLE link ADD COLUMN conduct_on date;
ALTER TABLE link ADD COLUMN admitted boolean NOT NULL DEFAULT false;
ALTER TABLE link ADD COLUMN aged text NOT NULL DEFAULT '';
"""
GRANTS = """
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
