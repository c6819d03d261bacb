"""Records of several offenders who are kept for different times, or of a child: reviewed on a day of the person's own."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

DDL = (
    "CREATE INDEX schedule_own_end ON schedule (review_on, record_key) "
    "WHERE review_kind = 'own_end' AND lifecycle = 'current'",
    """INSERT INTO dirty (record_key)
    SELECT l.record_key FROM link l JOIN person_schedule p USING (nominal_key) WHERE l.offending AND p.grp IS NOT NULL
    GROUP BY l.record_key HAVING count(DISTINCT coalesce(p.keep_until, 'infinity')) > 1
    UNION SELECT s.record_key FROM link l JOIN person_schedule p USING (nominal_key) JOIN schedule s USING (record_key)
    WHERE l.offending AND p.birth_on IS NOT NULL AND s.review_on = p.review_on""",
)


def upgrade() -> None:
    """Add the index by which a tick finds them, and mark those that there are."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in DDL:
        op.execute(statement)
