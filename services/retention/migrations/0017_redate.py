"""Packs as they came into force, and how far a changed row has reached."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

DDL = """
-- Insert-only. The newest is the pack in force; `bases` are those that schedules there may still be dated by.
CREATE TABLE in_force (
    turn bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pack_hash text NOT NULL, bases text[] NOT NULL,
    in_force_on date NOT NULL, at timestamptz NOT NULL
);
-- What came before is dated by the pack that was stored last.
INSERT INTO in_force (pack_hash, bases, in_force_on, at)
SELECT pack_hash, '{}', effective_on, stored_at FROM policy
WHERE EXISTS (SELECT FROM schedule) ORDER BY stored_at DESC LIMIT 1;
-- One way of bringing one row's schedules, of one partition, to the pack that came into force at `turn`; `upto` is the
-- key to go on after, written with what it brought there.
CREATE TABLE redate (
    turn bigint NOT NULL REFERENCES in_force, way text NOT NULL, name text NOT NULL, part smallint NOT NULL,
    upto bigint NOT NULL DEFAULT 0, looked bigint NOT NULL DEFAULT 0, moved bigint NOT NULL DEFAULT 0,
    marked bigint NOT NULL DEFAULT 0, began_at timestamptz NOT NULL, ended_at timestamptz, given_up boolean NOT NULL DEFAULT false,
    PRIMARY KEY (turn, way, name, part), CHECK (way IN ('dates', 'facts', 'persons'))
);
CREATE INDEX redate_left ON redate (turn, way, name, part) WHERE ended_at IS NULL;
-- Records of rows that did not change are not read.
CREATE INDEX schedule_row ON schedule (row_id, record_key);
"""
GRANTS = """
GRANT SELECT, INSERT ON in_force TO tenure_retention_worker;
GRANT SELECT, INSERT, UPDATE ON redate TO tenure_retention_worker;
GRANT SELECT ON in_force, redate TO tenure_retention_api, tenure_verify;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
