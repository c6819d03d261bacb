"""Key epochs, moving live keys from one to the next, and what holders say of theirs."""

from alembic import op

from shared.epoch_tables import EPOCH_DDL, EPOCH_GRANTS

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

DDL = (
    EPOCH_DDL
    + """
-- Which epoch of a holder's keys its older backups of a disposed record hang on; NULL: it seals nothing.
ALTER TABLE confirmation ADD COLUMN epoch integer, ADD COLUMN epoch_began_at timestamptz;
CREATE TABLE epoch_end (holder text, epoch integer, destroyed_at timestamptz NOT NULL, PRIMARY KEY (holder, epoch));
"""
)
GRANTS = (
    EPOCH_GRANTS
    + """
GRANT SELECT ON epoch_end TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT ON epoch_end TO tenure_{service}_worker;
"""
).format(service="retention")


def upgrade() -> None:
    """Add them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS)
