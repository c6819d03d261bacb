"""Records that their source graded, that are withdrawn or reviewed alone, or that befell several: dated again."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

DDL = (
    r"""INSERT INTO dirty (record_key)
    SELECT record_key FROM schedule WHERE cause = 'withdrawn' OR state = 'exception'
    UNION SELECT record_key FROM fact
    WHERE kind = 'record_state' AND position('"group"\:"'\:\:bytea IN canonical) > 0
    UNION SELECT record_key FROM fact WHERE kind IN ('decision', 'regrouped') AND record_key IS NOT NULL
    UNION SELECT f.record_key FROM fact f JOIN link l USING (record_key) WHERE f.kind = 'trigger' AND l.offending
    GROUP BY f.record_key HAVING count(DISTINCT l.nominal_key) > 1""",
    """INSERT INTO dirty (nominal_key)
    SELECT DISTINCT nominal_key FROM fact WHERE kind = 'decision' AND nominal_key IS NOT NULL""",
)


def upgrade() -> None:
    """Mark them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in DDL:
        op.execute(statement)
