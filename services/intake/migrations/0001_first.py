"""Arrivals, records and nominals with their states, quarantine, accounts, lifecycle, access."""

from alembic import op

from shared.tables import SHARED_DDL, SHARED_GRANTS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PARTITIONS = "\n".join(
    f"CREATE TABLE arrival_{n} PARTITION OF arrival FOR VALUES WITH (MODULUS 16, REMAINDER {n});" for n in range(16)
)

DDL = (
    SHARED_DDL
    + """
CREATE TABLE source (source_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source text NOT NULL UNIQUE);
CREATE SEQUENCE arrival_key;
-- One row per arrival, with its receipt. An unreadable one has its receipt's id for an event.
CREATE TABLE arrival (
    arrival_key bigint NOT NULL, receipt_id uuid NOT NULL, event_uid uuid NOT NULL, first boolean NOT NULL,
    source_key integer NOT NULL, channel smallint NOT NULL, place jsonb NOT NULL, event_id text, type text, subject uuid,
    received_at timestamptz NOT NULL, received_on date NOT NULL, outcome text NOT NULL, reasons jsonb,
    body_mac bytea NOT NULL, record_key bigint
) PARTITION BY HASH (event_uid);
"""
    + _PARTITIONS
    + """
CREATE UNIQUE INDEX arrival_event ON arrival (event_uid) WHERE first;
CREATE INDEX arrival_again ON arrival (event_uid) WHERE NOT first;
-- Records and nominals alike: a subject with states.
CREATE TABLE record (
    record_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_uid uuid NOT NULL UNIQUE, kind text NOT NULL,
    source_key integer NOT NULL, sequence bigint NOT NULL DEFAULT 0, version integer NOT NULL DEFAULT 0, state_mac bytea,
    metadata bytea, accepted_on date, executed_by uuid
) WITH (fillfactor = 80);
CREATE TABLE record_state (
    record_key bigint NOT NULL, sequence bigint NOT NULL, version integer, state_mac bytea NOT NULL,
    arrival_key bigint NOT NULL, body_id bigint, PRIMARY KEY (record_key, sequence)
);
CREATE TABLE quarantine (
    arrival_key bigint PRIMARY KEY, event_uid uuid NOT NULL, receipt_id uuid NOT NULL, source_key integer NOT NULL,
    subject uuid, record_key bigint, sequence bigint, body_id bigint NOT NULL, reasons jsonb NOT NULL,
    state text NOT NULL DEFAULT 'open', owner text, first_seen timestamptz NOT NULL, review_on date NOT NULL,
    attempts integer NOT NULL DEFAULT 0, version integer NOT NULL DEFAULT 1, parked boolean NOT NULL DEFAULT false
);
CREATE INDEX quarantine_open ON quarantine (first_seen, arrival_key) WHERE state = 'open';
CREATE INDEX quarantine_subject ON quarantine (subject) WHERE state = 'open';
-- A quarantined arrival's later outcome, told by a receipt that names the first.
CREATE TABLE further_receipt (
    receipt_id uuid PRIMARY KEY, names uuid NOT NULL, event_uid uuid NOT NULL, outcome text NOT NULL, reasons jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX further_receipt_event ON further_receipt (event_uid);
CREATE TABLE account (
    source_key integer, received_on date, slot smallint, outcome text, n bigint NOT NULL,
    PRIMARY KEY (source_key, received_on, slot, outcome)
) WITH (fillfactor = 50);
CREATE TABLE lifecycle (
    record_uid uuid PRIMARY KEY, version bigint NOT NULL, state text NOT NULL, held boolean NOT NULL, restricted boolean NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE shredding (
    disposal_id uuid PRIMARY KEY, record_uid uuid NOT NULL, sequence bigint NOT NULL, bodies integer NOT NULL,
    at timestamptz NOT NULL
);
CREATE TABLE access (
    access_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, record_uid uuid NOT NULL,
    actor text NOT NULL, purpose text NOT NULL, reference text NOT NULL, task_id uuid, parts text[] NOT NULL,
    allowed boolean NOT NULL
);
CREATE INDEX access_record ON access (record_uid, access_id);
-- Only `shred` takes keys away: it needs the disposal that allows it.
CREATE FUNCTION shred(disposal uuid, whose uuid, upto bigint, stamp timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    gone integer;
    doomed bigint[];
BEGIN
    IF disposal IS NULL THEN
        RAISE EXCEPTION 'shred needs the id of the disposal that allows it';
    END IF;
    INSERT INTO shredding VALUES (disposal, whose, upto, 0, stamp) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN (SELECT bodies FROM shredding WHERE disposal_id = disposal);
    END IF;
    doomed := ARRAY(SELECT s.body_id FROM record_state s JOIN record r USING (record_key)
        WHERE r.record_uid = whose AND s.sequence <= upto AND s.body_id IS NOT NULL);
    DELETE FROM body_key WHERE body_id = ANY(doomed);
    DELETE FROM body WHERE body_id = ANY(doomed);
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE record_state s SET body_id = NULL FROM record r WHERE s.record_key = r.record_key AND r.record_uid = whose
        AND s.sequence <= upto;
    UPDATE record SET executed_by = disposal, metadata = NULL WHERE record_uid = whose;
    UPDATE shredding SET bodies = gone WHERE disposal_id = disposal;
    RETURN gone;
END $$;
"""
)

GRANTS = (
    SHARED_GRANTS
    + """
GRANT INSERT ON source, arrival, record_state, access, quarantine
    TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT, UPDATE ON record, account TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT ON further_receipt TO tenure_{service}_api;
GRANT UPDATE (outcome, record_key) ON arrival TO tenure_{service}_api;
GRANT UPDATE ON quarantine TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT, UPDATE ON lifecycle TO tenure_{service}_worker;
REVOKE ALL ON FUNCTION shred(uuid, uuid, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shred(uuid, uuid, bigint, timestamptz) TO tenure_{service}_worker;
"""
)


def upgrade() -> None:
    """Make the tables, and say who may do what."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS.format(service="intake"))
