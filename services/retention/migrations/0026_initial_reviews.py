"""Records on which only a review lets a young child's conduct count, dated again: that review is now asked for."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

DDL = "INSERT INTO dirty (record_key) SELECT record_key FROM schedule WHERE problem = 'under_10'"


def upgrade() -> None:
    """Mark them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
