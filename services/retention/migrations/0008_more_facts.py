"""What more kinds of fact need: the second nominal of a merge or a distinction, and who waits to be known."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DDL = """
-- A merge and a distinction are about two nominals: `nominal_key`, of a merge the one merged into, and this one.
ALTER TABLE fact ADD COLUMN other_key bigint CHECK (other_key IS NULL OR nominal_key IS NOT NULL);
CREATE INDEX fact_other ON fact (other_key) WHERE other_key IS NOT NULL;
-- Records and nominals that were named before they came. Who has come since is seen when the list is read.
CREATE TABLE named_early (
    early_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint UNIQUE, nominal_key bigint UNIQUE,
    since timestamptz NOT NULL, CHECK (num_nonnulls(record_key, nominal_key) = 1)
);
"""
GRANTS = """
GRANT SELECT, INSERT, DELETE ON named_early TO tenure_retention_worker;
GRANT SELECT ON named_early TO tenure_retention_api, tenure_verify;
GRANT USAGE ON SEQUENCE named_early_early_id_seq TO tenure_retention_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
