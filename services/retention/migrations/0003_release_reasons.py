"""Why a hold should end, as whoever proposed its release gave it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DDL = "ALTER TABLE hold ADD COLUMN release_reason text;"
GRANTS = "GRANT UPDATE (release_reason) ON hold TO tenure_{service}_api;"


def upgrade() -> None:
    """Add the column, and say who may write it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS.format(service="retention"))
