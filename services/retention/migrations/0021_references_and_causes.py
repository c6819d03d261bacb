"""References that are no more, for looks back; causes that stand in schedules, asked for when they come to stand."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# `now` by the state that shows; one that any other state made is kept for looks back, and passes nothing.
DDL = """
ALTER TABLE relation ADD COLUMN now boolean NOT NULL DEFAULT true;
INSERT INTO review_wanted (record_key, cause, at)
SELECT record_key, cause, clock_timestamp() FROM schedule s
WHERE cause IS NOT NULL AND lifecycle NOT IN ('executed', 'shredded', 'disposed')
    AND NOT EXISTS (SELECT FROM cause_reviewed c WHERE c.record_key = s.record_key AND c.cause = s.cause);
DROP TABLE cause_reviewed;
"""
GRANTS = """
GRANT UPDATE (now) ON relation TO tenure_retention_worker;
REVOKE DELETE ON relation FROM tenure_retention_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS)
