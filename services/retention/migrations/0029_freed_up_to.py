"""How far a released hold's sweep has come: what it has not reached is kept as if the hold were in force."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

DDL = (
    "ALTER TABLE hold ADD COLUMN freed_up_to bigint NOT NULL DEFAULT 0",
    "GRANT UPDATE (freed_up_to) ON hold TO tenure_retention_worker",
)


def upgrade() -> None:
    """Add the column, which the worker alone moves on."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in DDL:
        op.execute(statement)
