"""Whom records ever referred to: a look back needs the references that are no more."""

from alembic import op

revision = "0022"
down_revision = "0018"
branch_labels = None
depends_on = None

# `now` by the state that shows; one that any other state made is kept for looks back, and passes nothing.
DDL = "ALTER TABLE relation ADD COLUMN now boolean NOT NULL DEFAULT true"
GRANTS = """
GRANT UPDATE (now) ON relation TO tenure_retention_worker;
REVOKE DELETE ON relation FROM tenure_retention_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS)
