"""The tables that every service's schema has, as its first migration makes them."""

SHARED_DDL = """
CREATE SEQUENCE log_id;
-- A log id says its day (days since 1970 << 40 | sequence) when the row has a topic, and is negative when it stays for ever.
CREATE TABLE log (
    log_id bigint PRIMARY KEY, at timestamptz NOT NULL, shard smallint NOT NULL, topic text, key text NOT NULL,
    type text NOT NULL, subject uuid NOT NULL, version bigint NOT NULL, payload bytea NOT NULL,
    headers jsonb, salt bytea NOT NULL, digest bytea NOT NULL
) PARTITION BY RANGE (log_id);
CREATE TABLE log_kept PARTITION OF log FOR VALUES FROM (MINVALUE) TO (0);
CREATE TABLE log_other PARTITION OF log DEFAULT;

CREATE FUNCTION turn_log_days(keep integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    today bigint := floor(extract(epoch FROM clock_timestamp()) / 86400);  -- real days: the log is transport, not policy
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.turn_log_days'));
    FOR day IN today - 1 .. today + 3 LOOP
        IF to_regclass(format('log_d%s', day)) IS NULL THEN
            EXECUTE format('CREATE TABLE log_d%s PARTITION OF log FOR VALUES FROM (%s) TO (%s)', day, day << 40, (day + 1) << 40);
        END IF;
    END LOOP;
    FOR part IN SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
        WHERE inhparent = 'log'::regclass AND c.relname ~ '^log_d[0-9]+$' AND substr(c.relname, 6)::bigint < today - keep
        AND NOT EXISTS (SELECT FROM unsealed u, unnest(u.log_ids) id WHERE id >> 40 = substr(c.relname, 6)::bigint)
        AND NOT EXISTS (SELECT FROM unpublished u, unnest(u.log_ids) id WHERE id >> 40 = substr(c.relname, 6)::bigint)
    LOOP
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
END $$;

CREATE TABLE unpublished (
    queue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shard smallint NOT NULL, log_ids bigint[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX unpublished_shard ON unpublished (shard, queue_id);
CREATE TABLE unsealed (queue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, log_ids bigint[] NOT NULL)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE leaf (leaf_index bigint PRIMARY KEY, log_id bigint NOT NULL, digest bytea NOT NULL);
CREATE TABLE head (
    tree_size bigint PRIMARY KEY, root bytea NOT NULL, frontier bytea NOT NULL, at timestamptz NOT NULL,
    signature bytea NOT NULL
);
CREATE TABLE position (
    cluster text, topic text, incarnation text, part integer, next_offset bigint NOT NULL DEFAULT 0,
    attempt_at bigint NOT NULL DEFAULT -1, attempts integer NOT NULL DEFAULT 0, until bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cluster, topic, incarnation, part)
) WITH (fillfactor = 20);
CREATE SEQUENCE body_id;
CREATE TABLE body (body_id bigint PRIMARY KEY, record_key bigint, nonce bytea NOT NULL, sealed bytea NOT NULL);
CREATE INDEX body_record ON body (record_key) WHERE record_key IS NOT NULL;
CREATE TABLE body_key (body_id bigint, epoch integer, wrapped bytea NOT NULL, PRIMARY KEY (body_id, epoch))
    PARTITION BY LIST (epoch);
CREATE TABLE body_key_1 PARTITION OF body_key FOR VALUES IN (1);
CREATE TABLE dead_letter (
    letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, cluster text NOT NULL,
    topic text NOT NULL, incarnation text NOT NULL, part integer NOT NULL, "offset" bigint NOT NULL, key text,
    reason text NOT NULL, mac bytea NOT NULL, body_id bigint NOT NULL,
    UNIQUE (cluster, topic, incarnation, part, "offset")
);
CREATE TABLE policy (pack_hash text PRIMARY KEY, text text NOT NULL, effective_on date NOT NULL, stored_at timestamptz NOT NULL);
CREATE TABLE clock (one boolean PRIMARY KEY DEFAULT true CHECK (one), offset_days integer NOT NULL DEFAULT 0);
INSERT INTO clock DEFAULT VALUES;
CREATE TABLE tick (job text PRIMARY KEY, ran_at timestamptz NOT NULL, ran_on date NOT NULL);
CREATE TABLE idempotency (
    key text, route text, request_mac bytea NOT NULL, result_id text NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (key, route)
);
SELECT turn_log_days(35);
"""

# Who may do what in every schema: log, leaf and head are append-only for every role that runs.
SHARED_GRANTS = """
GRANT USAGE ON SCHEMA {service} TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT SELECT ON ALL TABLES IN SCHEMA {service} TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {service} TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT ON log, unpublished, unsealed, body, body_key TO tenure_{service}_api, tenure_{service}_worker;
GRANT DELETE ON unpublished, unsealed TO tenure_{service}_worker;
GRANT INSERT ON leaf, head, dead_letter TO tenure_{service}_worker;
GRANT INSERT, UPDATE ON position, tick TO tenure_{service}_worker;
GRANT UPDATE ON clock TO tenure_{service}_api;
GRANT INSERT, DELETE ON idempotency TO tenure_{service}_api;
REVOKE ALL ON FUNCTION turn_log_days(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION turn_log_days(integer) TO tenure_{service}_worker;
"""

# Insert-only: what retention told of the packs that came into force, by its turn; the newest is what all go by.
IN_FORCE_DDL = """
CREATE TABLE in_force (
    turn bigint PRIMARY KEY, pack_hash text NOT NULL REFERENCES policy, in_force_on date NOT NULL, at timestamptz NOT NULL
);
"""
IN_FORCE_GRANTS = """
GRANT SELECT ON in_force TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT INSERT ON in_force, policy TO tenure_{service}_worker;
"""

# What can be done about a dead letter, beside the letter itself, which nobody changes.
LETTERS_DDL = """
ALTER TABLE dead_letter ADD COLUMN headers jsonb, ADD COLUMN subject uuid, ADD COLUMN sequence bigint;
CREATE TABLE letter_state (
    letter_id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'open', review_on date, asked_by text, tried_at timestamptz,
    attempts integer NOT NULL DEFAULT 0, refused text, version integer NOT NULL DEFAULT 1,
    CHECK (state IN ('open', 'asked', 'trying', 'taken', 'superseded'))
);
CREATE INDEX letter_state_waits ON letter_state (letter_id) WHERE state IN ('open', 'asked', 'trying');
INSERT INTO letter_state (letter_id) SELECT letter_id FROM dead_letter;
"""
LETTERS_GRANTS = """
GRANT SELECT ON letter_state TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT UPDATE (state, asked_by, version) ON letter_state TO tenure_{service}_api;
GRANT INSERT, UPDATE ON letter_state TO tenure_{service}_worker;
"""
