"""An unlinking to its end: told, answered, certified, listed; and links by which nobody is found any more."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DDL = """
-- States: cooling, then dropped or aborted, or executed and, once intake has answered, unlinked.
ALTER TABLE unlink_order ADD COLUMN opened_on date, ADD COLUMN aborted_by text, ADD COLUMN up_to bigint,
    ADD COLUMN executed_at timestamptz, ADD COLUMN executed_on date, ADD COLUMN proof jsonb, ADD COLUMN log_id bigint;
UPDATE unlink_order SET opened_on = opened_at::date;
ALTER TABLE unlink_order ALTER opened_on SET NOT NULL;
CREATE INDEX unlink_order_record ON unlink_order (record_key);
-- A certificate is of a disposal, or of an order to unlink.
ALTER TABLE certificate DROP CONSTRAINT certificate_disposal_id_fkey;
-- The person went from the record, and no later state names them. The row stays: a hold on the person still finds
-- the record, whose sealed text names them.
ALTER TABLE link ADD COLUMN unlinked boolean NOT NULL DEFAULT false;
"""
GRANTS = "GRANT UPDATE (state, reason, aborted_by, closed_at) ON unlink_order TO tenure_retention_api;"


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
