"""Merged persons: one root for all of them, and what waits for a steward."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DDL = """
-- By either end of a merge, all whom it ties are found; merges are few.
CREATE INDEX fact_merged_into ON fact (nominal_key) WHERE kind = 'merged';
CREATE INDEX fact_merged_from ON fact (other_key) WHERE kind = 'merged';
-- What a steward is asked: whether a merge is to stand, and whose a fact is that came while two were one. Settling
-- writes it under the locks of all nominals concerned; the answer itself is a fact of its own.
CREATE TABLE identity (
    event_uid uuid PRIMARY KEY, what text NOT NULL, nominal_key bigint NOT NULL, between uuid[] NOT NULL,
    since date NOT NULL, state text NOT NULL DEFAULT 'waiting', answered_by text, version bigint NOT NULL DEFAULT 1,
    CHECK (state IN ('waiting', 'answered', 'settled'))
) WITH (fillfactor = 80);
CREATE INDEX identity_nominal ON identity (nominal_key) WHERE state = 'waiting';
CREATE INDEX identity_state ON identity (state, event_uid);
"""
GRANTS = """
GRANT SELECT ON identity TO tenure_retention_api, tenure_retention_worker, tenure_verify;
GRANT INSERT, UPDATE ON identity TO tenure_retention_worker;
GRANT UPDATE (state, answered_by, version) ON identity TO tenure_retention_api;
GRANT INSERT ON fact TO tenure_retention_api;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
