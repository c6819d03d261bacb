"""Quarantine as a workplace: what is known of an item without its content, owners, discards, and what was done."""

from alembic import op

from shared.tables import LETTERS_DDL, LETTERS_GRANTS

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
ALTER TABLE quarantine ALTER body_id DROP NOT NULL,
    ADD COLUMN record_type text, ADD COLUMN unit text, ADD COLUMN named uuid[],
    ADD COLUMN incomplete boolean NOT NULL DEFAULT false,
    ADD COLUMN discards integer NOT NULL DEFAULT 0, ADD COLUMN discard_reason text, ADD COLUMN reference text,
    ADD COLUMN proposed_by text, ADD COLUMN approved_by text, ADD COLUMN refused text, ADD COLUMN disposal_id uuid,
    DROP COLUMN parked, ADD COLUMN parked_as uuid, ADD COLUMN first_on date;
-- What it is called where its subjects are parked: an id that comes again is another event, and parked by its receipt.
UPDATE quarantine SET parked_as = event_uid, first_on = first_seen::date,
    incomplete = reasons @> '[{"code": "field_missing"}]' OR reasons @> '[{"code": "required_field_empty"}]';
ALTER TABLE quarantine ALTER parked_as SET NOT NULL, ALTER first_on SET NOT NULL;
CREATE UNIQUE INDEX quarantine_receipt ON quarantine (receipt_id);
-- Of every state: a record's disposal takes along what waited about it and was mended.
DROP INDEX quarantine_subject;
CREATE INDEX quarantine_subject ON quarantine (subject) WHERE subject IS NOT NULL;
CREATE INDEX quarantine_named ON quarantine USING gin (named) WHERE named IS NOT NULL;
-- What was done about an item, by whom; `by` is null where the system itself did it.
CREATE TABLE quarantine_step (
    step_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, arrival_key bigint NOT NULL, at timestamptz NOT NULL,
    step text NOT NULL, by text, code text
);
CREATE INDEX quarantine_step_item ON quarantine_step (arrival_key, step_id);

ALTER TABLE shredding ADD COLUMN what text NOT NULL DEFAULT 'record';
-- `whose` is a record, of which the states up to a sequence go with whatever waited about it and was mended; or, where
-- `upto` is null, the receipt of one quarantined arrival.
CREATE OR REPLACE FUNCTION shred(disposal uuid, whose uuid, upto bigint, stamp timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    gone integer;
    doomed bigint[];
BEGIN
    IF disposal IS NULL THEN
        RAISE EXCEPTION 'shred needs the id of the disposal that allows it';
    END IF;
    INSERT INTO shredding VALUES (disposal, whose, coalesce(upto, 0), 0, stamp,
        CASE WHEN upto IS NULL THEN 'arrival' ELSE 'record' END) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN (SELECT bodies FROM shredding WHERE disposal_id = disposal);
    END IF;
    IF upto IS NULL THEN
        doomed := ARRAY(SELECT q.body_id FROM quarantine q WHERE q.receipt_id = whose AND q.body_id IS NOT NULL);
    ELSE
        doomed := ARRAY(SELECT s.body_id FROM record_state s JOIN record r USING (record_key)
            WHERE r.record_uid = whose AND s.sequence <= upto AND s.body_id IS NOT NULL
            UNION ALL SELECT q.body_id FROM quarantine q WHERE q.subject = whose AND coalesce(q.sequence, 0) <= upto
                AND q.state NOT IN ('open', 'discard_proposed') AND q.body_id IS NOT NULL);
    END IF;
    DELETE FROM body_key WHERE body_id = ANY(doomed);
    DELETE FROM body WHERE body_id = ANY(doomed);
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE quarantine SET body_id = NULL WHERE (receipt_id = whose OR subject = whose) AND body_id = ANY(doomed);
    UPDATE record_state s SET body_id = NULL FROM record r WHERE s.record_key = r.record_key AND r.record_uid = whose
        AND s.sequence <= upto;
    UPDATE record SET executed_by = disposal, metadata = NULL WHERE record_uid = whose AND upto IS NOT NULL;
    UPDATE shredding SET bodies = gone WHERE disposal_id = disposal;
    RETURN gone;
END $$;
"""
GRANTS = """
GRANT SELECT ON quarantine_step TO tenure_intake_api, tenure_intake_worker, tenure_verify;
GRANT INSERT ON quarantine_step TO tenure_intake_api, tenure_intake_worker;
GRANT INSERT ON further_receipt TO tenure_intake_worker;
GRANT UPDATE (outcome, record_key) ON arrival TO tenure_intake_worker;
"""


def upgrade() -> None:
    """Add it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(DDL + GRANTS)
    op.execute(LETTERS_DDL + LETTERS_GRANTS.format(service="intake"))
