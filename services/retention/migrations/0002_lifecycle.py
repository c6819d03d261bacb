"""Reviews and decisions, holds, disposal orders, disposals with their confirmations and certificates."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DDL = """
CREATE INDEX schedule_in_hand ON schedule (lifecycle, open_on, record_key)
    WHERE lifecycle IN ('due', 'in_review', 'ordered');
CREATE INDEX schedule_cause ON schedule (record_key) WHERE cause IS NOT NULL;
CREATE INDEX schedule_held ON schedule (record_key) WHERE held;
CREATE INDEX person_schedule_review ON person_schedule (review_on, nominal_key) WHERE review_on IS NOT NULL;

CREATE TABLE review (
    review_id uuid PRIMARY KEY, record_key bigint, nominal_key bigint, n integer NOT NULL, kind text NOT NULL,
    cause text NOT NULL, state text NOT NULL DEFAULT 'open', basis text NOT NULL, grp text, row_id text,
    pack text NOT NULL,     due_on date NOT NULL, requested_at timestamptz NOT NULL, checked_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1, CHECK (num_nonnulls(record_key, nominal_key) = 1)
) WITH (fillfactor = 80);
-- A review already open is joined, never doubled.
CREATE UNIQUE INDEX review_open_record ON review (record_key) WHERE state = 'open' AND record_key IS NOT NULL;
CREATE UNIQUE INDEX review_open_nominal ON review (nominal_key) WHERE state = 'open' AND nominal_key IS NOT NULL;
CREATE UNIQUE INDEX review_nth_record ON review (record_key, n) WHERE record_key IS NOT NULL;
CREATE UNIQUE INDEX review_nth_nominal ON review (nominal_key, n) WHERE nominal_key IS NOT NULL;
CREATE INDEX review_checked ON review (checked_at, review_id) WHERE state = 'open';
CREATE TABLE review_member (
    review_id uuid NOT NULL REFERENCES review, record_key bigint NOT NULL, PRIMARY KEY (review_id, record_key)
);
CREATE INDEX review_member_record ON review_member (record_key);
-- Triggered reviews that are asked for and not yet opened: the tick opens them at the cap.
CREATE TABLE review_wanted (
    wanted_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint NOT NULL, cause text NOT NULL,
    at timestamptz NOT NULL
);
-- A standing cause of a schedule that was already put to review: it is not asked for again until it went away.
CREATE TABLE cause_reviewed (record_key bigint, cause text, PRIMARY KEY (record_key, cause));
CREATE TABLE decision (
    review_id uuid, version bigint, record_key bigint, nominal_key bigint, outcome text NOT NULL, basis text NOT NULL,
    decided_by text NOT NULL, approved_by text[] NOT NULL, decided_on date NOT NULL, next_on date,
    known_at timestamptz NOT NULL, lapsed text, PRIMARY KEY (review_id, version),
    CHECK (num_nonnulls(record_key, nominal_key) = 1)
);
CREATE INDEX decision_record ON decision (record_key) WHERE record_key IS NOT NULL AND lapsed IS NULL;
CREATE INDEX decision_nominal ON decision (nominal_key) WHERE nominal_key IS NOT NULL AND lapsed IS NULL;

CREATE TABLE hold (
    hold_id uuid PRIMARY KEY, state text NOT NULL DEFAULT 'in_force', version bigint NOT NULL DEFAULT 1,
    authority text NOT NULL, reason text NOT NULL, owner text NOT NULL, review_on date NOT NULL,
    placed_by text NOT NULL, placed_at timestamptz NOT NULL, placed_on date NOT NULL, scope jsonb NOT NULL,
    by_record boolean NOT NULL, by_nominal boolean NOT NULL, record_types text[], units text[], offences text[],
    sources text[], span datemultirange, proposed_by text, proposed_at timestamptz, released_by text,
    released_at timestamptz, swept boolean NOT NULL DEFAULT false, matches bigint NOT NULL DEFAULT 0,
    CHECK (by_record OR by_nominal OR num_nonnulls(record_types, units, offences, sources, span) > 0)
);
CREATE INDEX hold_in_force ON hold (hold_id) WHERE state <> 'released';
CREATE TABLE hold_record (record_uid uuid, hold_id uuid REFERENCES hold, PRIMARY KEY (record_uid, hold_id));
CREATE INDEX hold_record_hold ON hold_record (hold_id);
CREATE TABLE hold_nominal (nominal_ref uuid, hold_id uuid REFERENCES hold, PRIMARY KEY (nominal_ref, hold_id));
CREATE INDEX hold_nominal_hold ON hold_nominal (hold_id);
-- On which records a hold was shown, or stopped an order: those that its release frees. A hold that came and went
-- between two sweeps may have none, so a certificate asks the holds themselves.
CREATE TABLE hold_exposure (record_key bigint, hold_id uuid, since timestamptz NOT NULL,
    PRIMARY KEY (record_key, hold_id)
);
CREATE INDEX hold_exposure_hold ON hold_exposure (hold_id);

CREATE TABLE disposal_order (
    disposal_id uuid PRIMARY KEY, record_key bigint NOT NULL, review_id uuid, row_id text NOT NULL, n integer NOT NULL,
    state text NOT NULL, reason text, opened_on date NOT NULL, execute_from date NOT NULL,
    retry_at timestamptz NOT NULL DEFAULT '-infinity', waits_for text, aborted_by text,
    version bigint NOT NULL DEFAULT 1, opened_at timestamptz NOT NULL, closed_at timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX disposal_order_open ON disposal_order (record_key)
    WHERE state IN ('draft', 'awaiting_approval', 'cooling');
CREATE INDEX disposal_order_due ON disposal_order (execute_from, disposal_id) WHERE state = 'cooling';
CREATE INDEX disposal_order_record ON disposal_order (record_key);
CREATE TABLE disposal (
    disposal_id uuid PRIMARY KEY REFERENCES disposal_order, record_key bigint NOT NULL UNIQUE,
    executed_at timestamptz NOT NULL, executed_on date NOT NULL, sequence bigint NOT NULL, proof jsonb NOT NULL,
    holds_found integer NOT NULL CHECK (holds_found = 0), log_id bigint NOT NULL
);
-- How far a disposal has come: the one row about it that changes.
CREATE TABLE disposal_state (
    disposal_id uuid PRIMARY KEY REFERENCES disposal, record_key bigint NOT NULL, state text NOT NULL,
    irrecoverable_from timestamptz, version bigint NOT NULL DEFAULT 1
);
CREATE INDEX disposal_unconfirmed ON disposal_state (record_key) WHERE state = 'executed';
CREATE INDEX disposal_waiting ON disposal_state (irrecoverable_from, disposal_id) WHERE state = 'shredded';
CREATE TABLE confirmation (
    disposal_id uuid, holder text, answer text NOT NULL, bodies integer NOT NULL, at timestamptz NOT NULL,
    signature bytea NOT NULL, known_at timestamptz NOT NULL, PRIMARY KEY (disposal_id, holder, answer)
);
CREATE TABLE certificate (
    disposal_id uuid PRIMARY KEY REFERENCES disposal, issued_at timestamptz NOT NULL, canonical bytea NOT NULL,
    salt bytea NOT NULL, log_id bigint NOT NULL
);
-- Disposals wait while one of these is not over: a scheduler that slept, a run gone wrong.
CREATE TABLE pause (
    pause_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cause text NOT NULL, noted_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting', proposed_by text, approved_by text, ended_at timestamptz,
    version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX pause_open ON pause (cause) WHERE state <> 'over';
"""

GRANTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA {service} TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT INSERT, UPDATE ON review TO tenure_{service}_worker;
GRANT INSERT, DELETE ON review_member, review_wanted, cause_reviewed TO tenure_{service}_worker;
GRANT UPDATE ON review_wanted TO tenure_{service}_worker; -- Taken FOR UPDATE.
GRANT INSERT ON review_wanted TO tenure_{service}_api;
GRANT INSERT, UPDATE (lapsed) ON decision TO tenure_{service}_worker;
GRANT UPDATE (lapsed) ON decision TO tenure_{service}_api;
GRANT INSERT, UPDATE (state, version, proposed_by, proposed_at, released_by, released_at, swept) ON hold
    TO tenure_{service}_api;
GRANT UPDATE (swept, matches, version) ON hold TO tenure_{service}_worker;
GRANT INSERT ON hold_record, hold_nominal TO tenure_{service}_api;
GRANT INSERT ON hold_exposure TO tenure_{service}_worker;
GRANT INSERT, UPDATE ON disposal_order TO tenure_{service}_worker;
GRANT UPDATE (state, reason, aborted_by, closed_at, version) ON disposal_order TO tenure_{service}_api;
GRANT INSERT ON disposal, confirmation, certificate TO tenure_{service}_worker;
GRANT INSERT, UPDATE ON disposal_state TO tenure_{service}_worker;
GRANT INSERT ON pause TO tenure_{service}_worker;
GRANT UPDATE ON pause TO tenure_{service}_api;
GRANT UPDATE (lifecycle, held, restricted, reason, version) ON schedule TO tenure_{service}_api;
GRANT UPDATE (executed_by) ON record TO tenure_{service}_worker;
"""


def upgrade() -> None:
    """Make the tables, and say who may do what."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS.format(service="retention"))
