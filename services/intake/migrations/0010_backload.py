"""Back-load beside live events."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DDL = """
-- An operator's switch: one row.
CREATE TABLE backload (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), paused boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 0, changed_by text, changed_at timestamptz
);
INSERT INTO backload DEFAULT VALUES;
"""
GRANTS = """
GRANT SELECT ON backload TO tenure_intake_api, tenure_intake_worker, tenure_verify;
GRANT UPDATE ON backload TO tenure_intake_api;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
