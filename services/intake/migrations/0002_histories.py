"""A nominal has a history per source; a record has one, its only source's."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# One index for both, so that a row of the hot path is entered once; its first column serves every look-up by id.
DDL = """
ALTER TABLE record DROP CONSTRAINT record_record_uid_key;
CREATE UNIQUE INDEX record_history ON record (record_uid, (CASE WHEN kind = 'nominal' THEN source_key ELSE 0 END));
"""


def upgrade() -> None:
    """Let two sources have states of one nominal."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
