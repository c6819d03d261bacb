"""How many records a hold matches is unknown until the sweep has counted them: null, not none."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
ALTER TABLE hold ALTER matches DROP DEFAULT, ALTER matches DROP NOT NULL;
UPDATE hold SET matches = NULL WHERE NOT swept AND state <> 'released';
"""


def upgrade() -> None:
    """Let the count be unknown, and forget what was none only because nobody had counted."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
