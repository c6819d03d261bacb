"""What a further receipt takes the place of: also what was accepted can wait later."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DDL = "ALTER TABLE further_receipt ADD was text NOT NULL DEFAULT 'quarantined'"


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
