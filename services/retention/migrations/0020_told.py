"""Which packs in force intake and review have been told of."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

DDL = "ALTER TABLE in_force ADD COLUMN told boolean NOT NULL DEFAULT false"
GRANTS = "GRANT UPDATE (told) ON in_force TO tenure_retention_worker"


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS)
