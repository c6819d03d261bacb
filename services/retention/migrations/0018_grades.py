"""What each state of a record gives a person, where the conduct is not the same by all of them."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# `GROUP CONDUCT SINCE`, a semicolon between, `-` for no day; empty where the link's own columns say it all.
DDL = "ALTER TABLE link ADD COLUMN grades text NOT NULL DEFAULT ''"


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
