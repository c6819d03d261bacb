"""Records with a trigger of which only the month is known, dated again: what came in that month takes it back."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

DDL = """
INSERT INTO dirty (record_key) SELECT DISTINCT record_key FROM fact WHERE kind = 'trigger' AND record_key IS NOT NULL
    AND convert_from(canonical, 'UTF8') ~ '"on":"[0-9]{4}-[0-9]{2}"'
"""


def upgrade() -> None:
    """Mark them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
