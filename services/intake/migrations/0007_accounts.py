"""Manifests, closing accounts, timeliness."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DDL = """
-- The instant by which an event is counted in a period: its own `time`, else when it came.
ALTER TABLE arrival ADD COLUMN counted_at timestamptz;
UPDATE arrival SET counted_at = received_at;
ALTER TABLE arrival ALTER COLUMN counted_at SET NOT NULL;
-- A summary per range of blocks: of all indexes it costs an arrival the least, and whole days are read by it.
CREATE INDEX arrival_days ON arrival USING brin (received_on, counted_at timestamptz_minmax_multi_ops);
CREATE INDEX record_days ON record USING brin (accepted_on);
-- A queue: what each batch adds to periods and lags, one row a batch. Emptied by a tick; a cursor over ids would skip
-- what commits late.
CREATE TABLE tally (
    tally_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received_at timestamptz NOT NULL, received_on date NOT NULL,
    day_sources integer[] NOT NULL, days integer[] NOT NULL, day_events bigint[] NOT NULL,
    record_keys bigint[] NOT NULL, source_keys integer[] NOT NULL, record_types text[] NOT NULL, units text[] NOT NULL,
    reported bigint[] NOT NULL, recorded bigint[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000);
-- It lives for a moment: packing it would cost more than writing it.
ALTER TABLE tally ALTER COLUMN record_keys SET STORAGE EXTERNAL, ALTER COLUMN source_keys SET STORAGE EXTERNAL,
    ALTER COLUMN record_types SET STORAGE EXTERNAL, ALTER COLUMN units SET STORAGE EXTERNAL,
    ALTER COLUMN reported SET STORAGE EXTERNAL, ALTER COLUMN recorded SET STORAGE EXTERNAL;
CREATE TABLE source_seen (source_key integer PRIMARY KEY, events bigint NOT NULL, last_at timestamptz NOT NULL)
    WITH (fillfactor = 50);
-- How many records took so long, by seconds rounded up: -1, not told; -2, the later instant lies before the earlier.
CREATE TABLE lag_count (
    received_on date, source_key integer, record_type text, unit text, lag text, upto bigint, n bigint NOT NULL,
    late bigint NOT NULL, longest bigint NOT NULL,
    PRIMARY KEY (received_on, source_key, record_type, unit, lag, upto)
) WITH (fillfactor = 80);
CREATE INDEX lag_count_source ON lag_count (source_key, received_on);
CREATE TABLE late (
    late_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint NOT NULL, source_key integer NOT NULL,
    record_type text NOT NULL, unit text NOT NULL, lag text NOT NULL, seconds bigint NOT NULL,
    limit_seconds bigint NOT NULL, received_on date NOT NULL
);
CREATE INDEX late_record ON late (record_key);
CREATE INDEX late_source ON late (source_key, late_id);
INSERT INTO lag_count (received_on, source_key, record_type, unit, lag, upto, n, late, longest)
SELECT accepted_on, source_key, '', '', lag, -1, count(*), 0, 0
FROM record, unnest(ARRAY['reported_to_recorded', 'recorded_to_received']) lag
WHERE kind = 'record' AND accepted_on IS NOT NULL GROUP BY 1, 2, 5;
INSERT INTO source_seen (source_key, events, last_at)
SELECT source_key, count(*), max(received_at) FROM arrival WHERE first AND event_id IS NOT NULL GROUP BY 1;
-- The newest manifest of each period of a source, and how it compares with what came.
CREATE TABLE manifest (
    manifest_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source_key integer NOT NULL,
    begins timestamptz NOT NULL, ends timestamptz NOT NULL, said_from text NOT NULL, said_to text NOT NULL,
    event_uid uuid NOT NULL, sent_at timestamptz NOT NULL, received_at timestamptz NOT NULL, expected bigint NOT NULL,
    digest text NOT NULL, ids text[], state text NOT NULL DEFAULT 'open', version integer NOT NULL DEFAULT 0,
    arrived bigint, missing_count bigint, extra_count bigint, missing text[] NOT NULL DEFAULT '{}',
    extra text[] NOT NULL DEFAULT '{}', compared_at timestamptz, stale boolean NOT NULL DEFAULT true,
    UNIQUE (source_key, begins, ends)
) WITH (fillfactor = 70);
CREATE INDEX manifest_waiting ON manifest (compared_at) WHERE stale OR state = 'open';
CREATE INDEX manifest_missing ON manifest (source_key) WHERE missing_count > 0;
CREATE INDEX manifest_received ON manifest (source_key, received_at);
-- What was last said of each measure on compliance.measures.v1.
CREATE TABLE measure (
    measure text PRIMARY KEY, version bigint NOT NULL, payload bytea NOT NULL
);
"""
GRANTS = """
GRANT SELECT ON tally, source_seen, lag_count, late, manifest, measure
    TO tenure_intake_api, tenure_intake_worker, tenure_verify;
GRANT INSERT ON tally TO tenure_intake_api, tenure_intake_worker;
GRANT UPDATE, DELETE ON tally TO tenure_intake_worker;
GRANT INSERT, UPDATE ON source_seen, lag_count, measure TO tenure_intake_worker;
GRANT INSERT, DELETE ON late TO tenure_intake_worker;
GRANT INSERT, UPDATE ON manifest TO tenure_intake_api, tenure_intake_worker;
GRANT USAGE ON SEQUENCE tally_tally_id_seq, manifest_manifest_key_seq TO tenure_intake_api, tenure_intake_worker;
GRANT USAGE ON SEQUENCE late_late_id_seq TO tenure_intake_worker;
"""


def upgrade() -> None:
    """Add them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
