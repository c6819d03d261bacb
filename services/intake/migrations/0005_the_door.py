"""What the whole inbound contract needs of the tables: what was settled, and which records name the same things."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DDL = """
-- `settled` is the keyed digests of the fields that stay as first accepted; null for most types. `shown_sequence` is
-- that of the latest state that is no withdrawal, whose metadata and things are shown; null: as `sequence`.
ALTER TABLE record ADD COLUMN settled bytea, ADD COLUMN shown_sequence bigint,
    ADD COLUMN things boolean NOT NULL DEFAULT false;
-- Objects and places of each record's shown state, by keyed digest.
CREATE TABLE object_ref (record_key bigint NOT NULL, kind text NOT NULL, digest bytea NOT NULL);
CREATE INDEX object_ref_digest ON object_ref (digest, record_key);
CREATE INDEX object_ref_record ON object_ref (record_key);
-- A record that is gone is found by nothing any more, whoever shreds it.
CREATE FUNCTION forget_things() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM object_ref WHERE record_key = NEW.record_key;
    NEW.settled := NULL;
    NEW.things := false;
    RETURN NEW;
END $$;
CREATE TRIGGER forget_things BEFORE UPDATE OF executed_by ON record FOR EACH ROW
    WHEN (NEW.executed_by IS NOT NULL) EXECUTE FUNCTION forget_things();
"""
GRANTS = """
GRANT SELECT, INSERT, DELETE ON object_ref TO tenure_intake_api, tenure_intake_worker;
GRANT SELECT ON object_ref TO tenure_verify;
REVOKE ALL ON FUNCTION forget_things() FROM PUBLIC;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
