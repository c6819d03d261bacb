"""Which parts of case files were entered in error, and records that only a case file dates, dated again."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# Marked are those in no file, whose stored side does not say yet that their row dates nothing; the files, and the parts
# in error; and the parts that time alone ends: where only the file dates them they go by a review until their row is
# confirmed.
DDL = """
ALTER TABLE part ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
INSERT INTO dirty (record_key)
SELECT record_key FROM schedule WHERE problem = 'no_fitting_rule'
UNION SELECT file_key FROM part WHERE now AND NOT gone
UNION SELECT part_key FROM part JOIN schedule ON record_key = part_key
    WHERE now AND NOT gone AND (cause = 'withdrawn' OR (binds AND ends = 'dispose'));
"""


def upgrade() -> None:
    """Add it, and mark them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
