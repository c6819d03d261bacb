"""What schedules were, on any date and as known at any instant: what facts do not tell again is kept."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Derived dates follow again from the facts known then and are stored once. Where a record stood in its life does not
# follow from facts: every move is kept, with the real instant and how far rehearsal had moved the civil day.
DDL = """
CREATE TABLE schedule_moved (
    moved_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint NOT NULL, lifecycle text NOT NULL,
    reason text, moved_at timestamptz NOT NULL DEFAULT clock_timestamp(), offset_days integer NOT NULL
);
CREATE INDEX schedule_moved_record ON schedule_moved (record_key, moved_id);
INSERT INTO schedule_moved (record_key, lifecycle, reason, offset_days)
SELECT record_key, lifecycle, reason, offset_days FROM schedule, clock WHERE lifecycle <> 'current';
ALTER TABLE hold ADD COLUMN released_offset_days integer;
"""
GRANTS = """
GRANT SELECT, INSERT ON schedule_moved TO tenure_retention_worker, tenure_retention_api;
GRANT SELECT ON schedule_moved TO tenure_verify;
GRANT UPDATE (released_offset_days) ON hold TO tenure_retention_api;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
