"""The first tables of review: cards, people, tasks, and what was assessed, decided and approved."""

from alembic import op

from shared.tables import SHARED_DDL, SHARED_GRANTS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DDL = (
    SHARED_DDL
    + """
CREATE TABLE card (
    card_id uuid PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('record', 'nominal')), sequence bigint NOT NULL,
    facts jsonb NOT NULL
);
COMMENT ON TABLE card IS 'What was registered of a record or nominal, as far as a reviewer needs it: never content.';
CREATE TABLE card_staff (card_id uuid, staff_id text, role text NOT NULL, PRIMARY KEY (card_id, staff_id));
COMMENT ON TABLE card_staff IS 'Staff named by any state ever registered: a later state takes nobody off.';
CREATE INDEX card_staff_staff ON card_staff (staff_id);
CREATE TABLE card_link (record_id uuid, nominal_ref uuid, role text NOT NULL, PRIMARY KEY (record_id, nominal_ref));
CREATE TABLE person (staff_id text PRIMARY KEY, roles text[] NOT NULL, competences text[] NOT NULL);
CREATE TABLE task (
    task_id uuid PRIMARY KEY, subject uuid NOT NULL, kind text NOT NULL, due_on date NOT NULL, state text NOT NULL,
    assignee text, cause text NOT NULL, round integer NOT NULL, version bigint NOT NULL, basis text NOT NULL,
    request_version bigint NOT NULL, request jsonb NOT NULL, changed_at timestamptz NOT NULL,
    CHECK (state IN ('open', 'claimed', 'awaiting_approval', 'returned', 'completed', 'withdrawn'))
);
CREATE INDEX task_due ON task (due_on, task_id) WHERE state NOT IN ('completed', 'withdrawn');
CREATE INDEX task_all ON task (due_on, task_id);
CREATE INDEX task_subject ON task (subject);
CREATE TABLE task_record (task_id uuid, record_id uuid, PRIMARY KEY (task_id, record_id));
CREATE INDEX task_record_record ON task_record (record_id);
CREATE TABLE early_withdrawal (review_id uuid PRIMARY KEY, version bigint NOT NULL);
COMMENT ON TABLE early_withdrawal IS 'A review withdrawn before its request came: the request then makes no task.';
CREATE TABLE assessment (
    task_id uuid, number integer, round integer NOT NULL, by_staff text NOT NULL, at timestamptz NOT NULL,
    on_date date NOT NULL, basis text NOT NULL, pack text NOT NULL, proposal text NOT NULL, necessity text,
    proportionality text, body_id bigint, destroyed_by uuid,
    PRIMARY KEY (task_id, number)
);
CREATE TABLE decision (
    task_id uuid, round integer, outcome text NOT NULL, purpose text, decided_by text NOT NULL,
    decided_on date NOT NULL, next_on date, basis text NOT NULL, pack text NOT NULL, assessment integer NOT NULL,
    body_id bigint, destroyed_by uuid, at timestamptz NOT NULL,
    PRIMARY KEY (task_id, round)
);
CREATE TABLE approval (
    task_id uuid, round integer, step integer, answer text NOT NULL CHECK (answer IN ('approve', 'return')),
    role text NOT NULL, competence text, by_staff text NOT NULL, on_date date NOT NULL, at timestamptz NOT NULL,
    body_id bigint, destroyed_by uuid,
    PRIMARY KEY (task_id, round, step)
);
CREATE TABLE erasure (
    disposal_id uuid PRIMARY KEY, record_id uuid NOT NULL, bodies integer NOT NULL, at timestamptz NOT NULL
);
CREATE INDEX erasure_record ON erasure (record_id);

-- The one way a sealed text leaves review: with the disposal that asks for it. NULL: it was answered before.
CREATE FUNCTION erase(disposal uuid, record uuid, review uuid, stamp timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    doomed bigint[];
    gone integer;
BEGIN
    INSERT INTO erasure VALUES (disposal, record, 0, stamp) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    doomed := ARRAY(
        SELECT body_id FROM assessment WHERE task_id = review AND body_id IS NOT NULL
        UNION ALL SELECT body_id FROM decision WHERE task_id = review AND body_id IS NOT NULL
        UNION ALL SELECT body_id FROM approval WHERE task_id = review AND body_id IS NOT NULL);
    UPDATE assessment SET body_id = NULL, destroyed_by = disposal WHERE body_id = ANY(doomed);
    UPDATE decision SET body_id = NULL, destroyed_by = disposal WHERE body_id = ANY(doomed);
    UPDATE approval SET body_id = NULL, destroyed_by = disposal WHERE body_id = ANY(doomed);
    DELETE FROM body_key WHERE body_id = ANY(doomed);
    DELETE FROM body WHERE body_id = ANY(doomed);
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM card WHERE card_id = record;
    DELETE FROM card_staff WHERE card_id = record;
    DELETE FROM card_link WHERE record_id = record;
    UPDATE erasure SET bodies = gone WHERE disposal_id = disposal;
    RETURN gone;
END $$;
"""
)

GRANTS = (
    SHARED_GRANTS
    + """
GRANT INSERT, UPDATE ON card, early_withdrawal TO tenure_{service}_worker;
GRANT INSERT ON card_staff, card_link TO tenure_{service}_worker;
GRANT INSERT, DELETE ON task_record TO tenure_{service}_worker;
GRANT INSERT, UPDATE ON task TO tenure_{service}_worker;
REVOKE ALL ON FUNCTION erase(uuid, uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase(uuid, uuid, uuid, timestamptz) TO tenure_{service}_worker;
GRANT UPDATE ON task TO tenure_{service}_api;
GRANT INSERT ON assessment, decision, approval TO tenure_{service}_api;
GRANT INSERT, UPDATE ON person TO tenure_{service}_api;
"""
)


def upgrade() -> None:
    """Make the tables, and say who may do what."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL)
    op.execute(GRANTS.format(service="review"))
