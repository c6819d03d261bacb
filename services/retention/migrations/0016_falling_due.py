"""What asks for a review at once, of a record or a person, and which causes were put to people already."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DDL = """
ALTER TABLE review_wanted ADD COLUMN nominal_key bigint, ALTER COLUMN record_key DROP NOT NULL,
    ALTER COLUMN at SET DEFAULT clock_timestamp(), ADD CHECK (num_nonnulls(record_key, nominal_key) = 1);
CREATE INDEX review_wanted_record ON review_wanted (record_key) WHERE record_key IS NOT NULL;
CREATE INDEX review_wanted_nominal ON review_wanted (nominal_key) WHERE nominal_key IS NOT NULL;
-- Insert-only. A cause that was put to people, about a record or a person: the other key is 0.
CREATE TABLE cause_noted (
    record_key bigint, nominal_key bigint, cause text, token text,
    PRIMARY KEY (record_key, nominal_key, cause, token)
);
-- When a state first came that names the nominal as an offender; none: before this was kept.
ALTER TABLE link ADD COLUMN since_on date;
-- Which kind of change gave the schedule its dates, and insert-only the dates before, until which instant they stood.
ALTER TABLE schedule ADD COLUMN moved_by text;
CREATE TABLE superseded (
    superseded_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_key bigint NOT NULL, state text NOT NULL,
    class_id text, row_id text, grp text, clock_on date, keep_until date, review_on date NOT NULL,
    by_age boolean NOT NULL, problem text, pack text NOT NULL, moved_by text NOT NULL,
    superseded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX superseded_record ON superseded (record_key, superseded_id);
-- What was last said of each measure on compliance.measures.v1.
CREATE TABLE measure (measure text PRIMARY KEY, version bigint NOT NULL, payload bytea NOT NULL);
-- That a person goes from a record which others still need: the same gate as a disposal's. `nominal_key` is their root.
CREATE TABLE unlink_order (
    disposal_id uuid PRIMARY KEY, record_key bigint NOT NULL, nominal_key bigint NOT NULL, review_id uuid NOT NULL,
    basis text NOT NULL, state text NOT NULL DEFAULT 'cooling', reason text, execute_from date NOT NULL,
    opened_at timestamptz NOT NULL, closed_at timestamptz
);
CREATE UNIQUE INDEX unlink_order_open ON unlink_order (record_key, nominal_key) WHERE state = 'cooling';
CREATE INDEX unlink_order_due ON unlink_order (execute_from, disposal_id) WHERE state = 'cooling';
"""
GRANTS = """
GRANT SELECT ON cause_noted, superseded, measure TO tenure_retention_api, tenure_retention_worker, tenure_verify;
GRANT INSERT ON cause_noted, superseded TO tenure_retention_worker;
GRANT SELECT ON unlink_order TO tenure_retention_api, tenure_retention_worker, tenure_verify;
GRANT INSERT, UPDATE ON measure, unlink_order TO tenure_retention_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
