"""${message}."""

from alembic import op

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Give up rather than queue every reader behind a lock that does not come.
    op.execute("SET LOCAL lock_timeout = '5s'")
