"""Discards of quarantined events, ordered and executed through the same gate as any disposal."""

from alembic import op

from shared.tables import LETTERS_DDL, LETTERS_GRANTS

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DDL = """
-- An order is about a record, or about one quarantined arrival, which its receipt names.
ALTER TABLE disposal_order ALTER record_key DROP NOT NULL, ADD COLUMN receipt_id uuid,
    ADD CONSTRAINT disposal_order_about CHECK (num_nonnulls(record_key, receipt_id) = 1);
CREATE UNIQUE INDEX disposal_order_open_arrival ON disposal_order (receipt_id)
    WHERE receipt_id IS NOT NULL AND state IN ('draft', 'awaiting_approval', 'cooling');
ALTER TABLE disposal ALTER record_key DROP NOT NULL;
ALTER TABLE disposal_state ALTER record_key DROP NOT NULL;
-- What intake could tell of the arrival, for holds to match: null is not known, an empty array is known to be none.
CREATE TABLE discard (
    disposal_id uuid PRIMARY KEY REFERENCES disposal_order, receipt_id uuid NOT NULL, event_uid uuid NOT NULL,
    subject uuid, nominals uuid[], sources text[], record_types text[], units text[], offences text[],
    spans datemultirange, reason text NOT NULL, proposed_by text NOT NULL, approved_by text NOT NULL,
    first_seen timestamptz NOT NULL
);
CREATE INDEX discard_receipt ON discard (receipt_id);
"""
GRANTS = """
GRANT SELECT ON discard TO tenure_retention_api, tenure_retention_worker, tenure_verify;
GRANT INSERT ON discard TO tenure_retention_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
    op.execute(LETTERS_DDL + LETTERS_GRANTS.format(service="retention"))
