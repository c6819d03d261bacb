"""Since when a record accuses a nominal, by a role that the pack names for its type."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# Nothing is marked: what a record is to a person, by roles that no pack named so far, a pack that names them settles anew.
DDL = """
-- When a state first came that accuses the nominal; none: no state does now.
ALTER TABLE link ADD COLUMN accused_on date;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
