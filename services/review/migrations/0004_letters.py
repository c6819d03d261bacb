"""Dead letters that can be brought back."""

from alembic import op

from shared.tables import LETTERS_DDL, LETTERS_GRANTS

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(LETTERS_DDL + LETTERS_GRANTS.format(service="review"))
