"""The trace of each task, from its record's publication on."""

from alembic import op

from shared.trails import TRAIL_DDL, TRAIL_GRANTS

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(TRAIL_DDL)
    op.execute(TRAIL_GRANTS.format(service="review"))
