"""Facts, links, marks, persons' and records' schedules, parked subjects, watermarks."""

from alembic import op

from shared.tables import SHARED_DDL, SHARED_GRANTS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONS = 16
_SCHEDULES = "\n".join(
    f"CREATE TABLE schedule_{n} PARTITION OF schedule FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {n})"
    " WITH (fillfactor = 80);"
    for n in range(PARTITIONS)
)

DDL = (
    SHARED_DDL
    + """
-- What a hold can match is or was true of any of the record's states; settling writes it under the record's lock.
CREATE TABLE record (
    record_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_uid uuid NOT NULL UNIQUE,
    record_types text[] NOT NULL DEFAULT '{}', source_systems text[] NOT NULL DEFAULT '{}',
    units text[] NOT NULL DEFAULT '{}', offences text[] NOT NULL DEFAULT '{}',
    spans datemultirange NOT NULL DEFAULT '{}', executed_by uuid
) WITH (fillfactor = 80);
CREATE TABLE nominal (
    nominal_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nominal_ref uuid NOT NULL UNIQUE
);
-- Insert-only. A fact is about one record or one person; its digest, with its salt, is in the log row `log_id`.
CREATE TABLE fact (
    fact_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_uid uuid NOT NULL UNIQUE, kind text NOT NULL,
    record_key bigint, nominal_key bigint, sequence bigint NOT NULL, on_date date, withdraws uuid,
    known_at timestamptz NOT NULL, received_on date NOT NULL, canonical bytea NOT NULL, salt bytea NOT NULL,
    log_id bigint NOT NULL,
    CHECK (num_nonnulls(record_key, nominal_key) = 1)
);
CREATE INDEX fact_record ON fact (record_key) WHERE record_key IS NOT NULL;
CREATE INDEX fact_nominal ON fact (nominal_key) WHERE nominal_key IS NOT NULL;
-- What a record gives each person on it; written under the record's lock.
CREATE TABLE link (
    record_key bigint, nominal_key bigint, grp text, notice_on date, grouped_on date,
    offending boolean NOT NULL DEFAULT false, PRIMARY KEY (record_key, nominal_key)
) WITH (fillfactor = 80);
CREATE INDEX link_nominal ON link (nominal_key);
-- A subject to be settled. Inserted, never updated: an upsert waits, and deadlocks.
CREATE TABLE dirty (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint, nominal_key bigint,
    CHECK (num_nonnulls(record_key, nominal_key) = 1)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX dirty_record ON dirty (record_key) WHERE record_key IS NOT NULL;
CREATE INDEX dirty_nominal ON dirty (nominal_key) WHERE nominal_key IS NOT NULL;
-- `root` is one key for all nominals merged into a person.
CREATE TABLE person_schedule (
    nominal_key bigint PRIMARY KEY, root bigint NOT NULL, grp text, clock_on date, keep_until date, review_on date,
    by_age boolean NOT NULL, birth_on date, reviewed_on date, problem text, version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 80);
CREATE INDEX person_schedule_root ON person_schedule (root);
-- Derived columns are settling's alone; lifecycle columns are never settling's, or it would take an execution back.
CREATE TABLE schedule (
    record_key bigint PRIMARY KEY, state text NOT NULL, class_id text, row_id text, grp text, clock_on date,
    floor_until date, keep_until date, actionable_from date, open_on date, review_on date NOT NULL,
    review_kind text NOT NULL, by_age boolean NOT NULL, ends text NOT NULL, problem text, owner text, cause text, problem_since timestamptz,
    side bytea NOT NULL, pack text NOT NULL, salt bytea NOT NULL, log_id bigint NOT NULL,
    lifecycle text NOT NULL DEFAULT 'current', held boolean NOT NULL DEFAULT false,
    restricted boolean NOT NULL DEFAULT false, reason text,
    version bigint NOT NULL DEFAULT 1, announced_version bigint NOT NULL DEFAULT 0
) PARTITION BY HASH (record_key);
"""
    + _SCHEDULES
    + """
CREATE INDEX schedule_opens ON schedule (open_on, record_key) WHERE state = 'current' AND lifecycle = 'current';
CREATE INDEX schedule_review ON schedule (review_on, record_key);
CREATE INDEX schedule_unannounced ON schedule (record_key) WHERE announced_version < version;
CREATE INDEX schedule_exception ON schedule (record_key) WHERE state = 'exception';
-- Nothing is executed about a subject that has a row without `resolved_at`.
CREATE TABLE parked (
    event_uid uuid, subject uuid, reason text, at timestamptz, resolved_at timestamptz, PRIMARY KEY (event_uid, subject)
);
CREATE INDEX parked_subject ON parked (subject) WHERE resolved_at IS NULL;
CREATE TABLE watermark (partition integer PRIMARY KEY, upto timestamptz NOT NULL);
"""
)

GRANTS = (
    SHARED_GRANTS
    + """
GRANT INSERT ON record, nominal, fact, link TO tenure_{service}_worker;
GRANT UPDATE ON record, link, schedule, person_schedule TO tenure_{service}_worker;
GRANT INSERT ON person_schedule, schedule TO tenure_{service}_worker;
GRANT INSERT, UPDATE, DELETE ON dirty TO tenure_{service}_worker;
GRANT INSERT ON dirty TO tenure_{service}_api;
GRANT INSERT, UPDATE ON parked, watermark TO tenure_{service}_worker;
"""
)


def upgrade() -> None:
    """Make the tables, and say who may do what."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS.format(service="retention"))
