"""What restricts a record: its source or a review, and, past its last day, that nothing but a hold keeps it."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

DDL = (
    """ALTER TABLE schedule DROP COLUMN restricted, ADD COLUMN kept_by_hold boolean NOT NULL DEFAULT false,
    ADD COLUMN restricted_by_facts boolean NOT NULL DEFAULT false""",
    "ALTER TABLE schedule ADD COLUMN restricted boolean GENERATED ALWAYS AS (kept_by_hold OR restricted_by_facts) VIRTUAL",
    "CREATE INDEX schedule_past_and_held ON schedule (actionable_from, record_key) WHERE held AND NOT kept_by_hold",
    "GRANT UPDATE (kept_by_hold) ON schedule TO tenure_retention_api",
    """INSERT INTO dirty (record_key) SELECT DISTINCT record_key FROM fact
    WHERE kind = 'record_state' AND position('"restricted"\\:true'\\:\\:bytea IN canonical) > 0""",
)


def upgrade() -> None:
    """Add what there is to say of each, and mark those that their source restricts."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in DDL:
        op.execute(statement)
