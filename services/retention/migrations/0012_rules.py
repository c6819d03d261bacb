"""What rules of the scheme read: ages and conduct of persons on records, overrides and moves."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DDL = """
-- The earliest day of what the person is said to have done; whether a review of the record said why it counts, however
-- young they were; and the roles for which the record reads their birth date, one space between.
ALTER TABLE link ADD COLUMN conduct_on date;
ALTER TABLE link ADD COLUMN admitted boolean NOT NULL DEFAULT false;
ALTER TABLE link ADD COLUMN aged text NOT NULL DEFAULT '';
-- An override or a move of one record as one person proposed it; once another agrees it is a fact, `canonical`.
CREATE TABLE rule_change (
    change_id uuid PRIMARY KEY, record_key bigint NOT NULL, kind text NOT NULL CHECK (kind IN ('override', 'moved')),
    canonical bytea NOT NULL, proposed_by text NOT NULL, proposed_at timestamptz NOT NULL,
    approved_by text, approved_at timestamptz, CHECK (approved_by <> proposed_by)
);
CREATE UNIQUE INDEX rule_change_proposed ON rule_change (record_key, kind) WHERE approved_at IS NULL;
"""
GRANTS = """
GRANT SELECT, INSERT, UPDATE ON rule_change TO tenure_retention_api;
GRANT SELECT ON rule_change TO tenure_retention_worker, tenure_verify;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
