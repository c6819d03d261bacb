"""The trace of each record, from its publication to its certificate."""

from alembic import op

from shared.trails import TRAIL_DDL, TRAIL_GRANTS

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(TRAIL_DDL)
    op.execute(TRAIL_GRANTS.format(service="retention"))
