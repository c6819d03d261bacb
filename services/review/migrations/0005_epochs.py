"""Key epochs, and moving live keys from one to the next."""

from alembic import op

from shared.epoch_tables import EPOCH_DDL, EPOCH_GRANTS

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DDL = EPOCH_DDL
GRANTS = EPOCH_GRANTS.format(service="review")


def upgrade() -> None:
    """Add them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS)
