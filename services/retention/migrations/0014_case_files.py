"""Case files and their parts, and triggers that cross-references pass on."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DDL = """
-- A record in a case file that any of its states named: `now` by the one that shows, `gone` once it was executed. What
-- it asks of the file, and whether the file's rule binds it. Written under the part's lock, read under the file's.
CREATE TABLE part (
    part_key bigint, file_key bigint, now boolean NOT NULL, on_date date, gone boolean NOT NULL DEFAULT false,
    until date, by_age boolean NOT NULL DEFAULT false, permanent boolean NOT NULL DEFAULT false,
    waits boolean NOT NULL DEFAULT false, undated boolean NOT NULL DEFAULT false, binds boolean NOT NULL DEFAULT false,
    PRIMARY KEY (part_key, file_key)
) WITH (fillfactor = 80);
CREATE INDEX part_file ON part (file_key, part_key);
-- A record that names another; written under its own lock.
CREATE TABLE relation (record_key bigint, other_key bigint, kind text, PRIMARY KEY (record_key, other_key, kind));
CREATE INDEX relation_other ON relation (other_key);
-- A trigger of one record that counts on another; written under the lock of the record that it was recorded of.
CREATE TABLE passed (from_key bigint, to_key bigint, event_uid uuid, PRIMARY KEY (from_key, to_key, event_uid));
CREATE INDEX passed_to ON passed (to_key);
ALTER TABLE schedule ADD COLUMN by_person boolean NOT NULL DEFAULT false;
-- Which other member of its case file an order waits for.
ALTER TABLE disposal_order ADD COLUMN waits_on uuid;
"""
GRANTS = """
GRANT SELECT, INSERT, UPDATE ON part TO tenure_retention_worker;
GRANT SELECT, INSERT, DELETE ON relation, passed TO tenure_retention_worker;
GRANT SELECT ON part, relation, passed TO tenure_retention_api, tenure_verify;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
