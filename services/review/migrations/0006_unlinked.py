"""Persons who went from records that others still need: by which links nobody is found, and what upstream is asked."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
-- The highest sequence of the states that link the person.
ALTER TABLE card_link ADD COLUMN sequence bigint NOT NULL DEFAULT 0;
UPDATE card_link l SET sequence = c.sequence FROM card c WHERE c.card_id = l.record_id;
-- No state up to `up_to` links these nominals any more; where `asked`, upstream was asked for one that does not.
CREATE TABLE unlinking (
    unlinking_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, disposal_id uuid NOT NULL UNIQUE,
    record_id uuid NOT NULL, nominals uuid[] NOT NULL, up_to bigint NOT NULL, asked boolean NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX unlinking_record ON unlinking (record_id);
"""
GRANTS = """
GRANT SELECT ON unlinking TO tenure_review_api, tenure_review_worker, tenure_verify;
GRANT INSERT, DELETE ON unlinking TO tenure_review_worker;
GRANT UPDATE, DELETE ON card_link TO tenure_review_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
