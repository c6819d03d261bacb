"""The day a person died beside their schedule: what they are said to have done later is an exception."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Marked are whoever a state says died, by all their names, and the records that name them: what is stored of both does
# not tell yet.
DDL = """
ALTER TABLE person_schedule ADD COLUMN died_on date;
WITH dead AS (
    SELECT DISTINCT b.nominal_key FROM fact f JOIN person_schedule a USING (nominal_key)
        JOIN person_schedule b ON b.root = a.root
    WHERE f.kind = 'nominal_state' AND position('"died_on"'::bytea IN f.canonical) > 0
), marked AS (INSERT INTO dirty (nominal_key) SELECT nominal_key FROM dead)
INSERT INTO dirty (record_key) SELECT DISTINCT record_key FROM dead JOIN link USING (nominal_key);
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
