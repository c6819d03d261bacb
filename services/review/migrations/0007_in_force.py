"""The packs that came into force, as retention told."""

from alembic import op

from shared.tables import IN_FORCE_DDL, IN_FORCE_GRANTS

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(IN_FORCE_DDL + IN_FORCE_GRANTS.format(service="review"))
