"""Who looked at what: screening, alerts, access reviews."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DDL = """
-- Which review tasks let somebody look, as review last told of each.
CREATE TABLE task (
    task_id uuid PRIMARY KEY, version bigint NOT NULL, state text NOT NULL, assignee text, records uuid[] NOT NULL
);
CREATE INDEX task_assignee ON task (assignee) WHERE assignee IS NOT NULL;
-- Which nominals are one person, or never are, by the events that say so; an undoing may come before what it undoes.
CREATE TABLE same_person (event_uid uuid PRIMARY KEY, a uuid, b uuid, never boolean NOT NULL DEFAULT false,
    undone boolean NOT NULL DEFAULT false);
CREATE INDEX same_person_a ON same_person (a) WHERE a IS NOT NULL;
CREATE INDEX same_person_b ON same_person (b) WHERE b IS NOT NULL;
-- `refused` says why nothing was shown; `log_id` is the row of the log that was written with it.
ALTER TABLE access ADD COLUMN refused text, ADD COLUMN log_id bigint;
CREATE INDEX access_actor ON access (actor, at);
CREATE INDEX access_log ON access (log_id);
-- Which records a named role has called sensitive, or no longer; the log keeps who did when.
CREATE TABLE sensitivity (
    record_uid uuid PRIMARY KEY, sensitive boolean NOT NULL, reason text NOT NULL, marked_by text NOT NULL,
    marked_at timestamptz NOT NULL, version integer NOT NULL
);
CREATE TABLE access_alert (
    alert_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, alert_id uuid NOT NULL UNIQUE, at timestamptz NOT NULL,
    kind text NOT NULL, rule text NOT NULL, pack text NOT NULL, record_uid uuid NOT NULL, actor text NOT NULL,
    access_id bigint NOT NULL, state text NOT NULL DEFAULT 'open', outcome text, reason text, closed_by text,
    closed_at timestamptz, version integer NOT NULL DEFAULT 1, log_id bigint NOT NULL
);
CREATE INDEX access_alert_open ON access_alert (at) WHERE state = 'open';
CREATE INDEX access_alert_actor ON access_alert (actor, rule, at);
CREATE INDEX access_alert_record ON access_alert (record_uid, rule, at);
CREATE TABLE access_review (
    review_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, review_id uuid NOT NULL UNIQUE, since timestamptz NOT NULL,
    until timestamptz NOT NULL, records uuid[] NOT NULL, reason text NOT NULL, opened_by text NOT NULL,
    opened_at timestamptz NOT NULL, state text NOT NULL, outcome text, conclusion text, concluded_by text,
    concluded_at timestamptz, version integer NOT NULL DEFAULT 1
);
CREATE TABLE access_ask (
    review_key bigint NOT NULL REFERENCES access_review, actor text NOT NULL, views bigint[] NOT NULL, answer text,
    reason text, answered_at timestamptz, version integer NOT NULL DEFAULT 1, PRIMARY KEY (review_key, actor)
);
CREATE INDEX access_ask_actor ON access_ask (actor, review_key);
-- Keys rise with the rows, so a few pages find the arrival of a state, and taking in writes nothing more for it.
CREATE INDEX arrival_in_order ON arrival USING brin (arrival_key) WITH (pages_per_range = 16, autosummarize = on);
"""
GRANTS = """
GRANT SELECT, INSERT, UPDATE ON same_person TO tenure_intake_api, tenure_intake_worker;
GRANT SELECT ON same_person TO tenure_verify;
GRANT SELECT ON task, sensitivity, access_alert, access_review, access_ask
    TO tenure_intake_api, tenure_intake_worker, tenure_verify;
GRANT INSERT, UPDATE ON task TO tenure_intake_worker;
GRANT INSERT, UPDATE ON sensitivity TO tenure_intake_api;
GRANT INSERT ON access_alert, access_review, access_ask TO tenure_intake_api;
GRANT UPDATE (state, outcome, reason, closed_by, closed_at, version) ON access_alert TO tenure_intake_api;
GRANT UPDATE (state, outcome, conclusion, concluded_by, concluded_at, version) ON access_review TO tenure_intake_api;
GRANT UPDATE (answer, reason, answered_at, version) ON access_ask TO tenure_intake_api;
GRANT USAGE ON SEQUENCE access_alert_alert_key_seq, access_review_review_key_seq TO tenure_intake_api;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
