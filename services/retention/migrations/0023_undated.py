"""What is in hand and is dated no more, among all that is."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(  # There already where the database was made by the version that had it in 0016.
        "CREATE INDEX IF NOT EXISTS schedule_undated ON schedule (record_key) "
        "WHERE lifecycle IN ('due', 'ordered') AND state <> 'current'"
    )
