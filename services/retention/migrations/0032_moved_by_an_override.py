"""Persons whose clock a record may have moved that only an override dates by them: dated again."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

DDL = """
INSERT INTO dirty (nominal_key)
SELECT DISTINCT l.nominal_key FROM link l
WHERE l.offending
  AND EXISTS (SELECT FROM fact f WHERE f.record_key = l.record_key AND f.kind = 'override')
  AND EXISTS (SELECT FROM fact f WHERE f.record_key = l.record_key AND f.kind = 'trigger')
"""


def upgrade() -> None:
    """Mark them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
