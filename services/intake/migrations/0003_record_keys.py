"""Keys of new records are drawn before their rows are written: what names a record by its key is stored beside it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let intake's processes draw keys."""
    op.execute("GRANT USAGE ON SEQUENCE record_record_key_seq TO tenure_intake_api, tenure_intake_worker")
