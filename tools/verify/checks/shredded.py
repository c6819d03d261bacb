"""I9, as far as live tables go: nothing of a shredded record, and by no record a person who went from it, is found."""

from tools.verify.checks import unlinks
from tools.verify.estate import Estate
from tools.verify.findings import Tally

# Each names what is wrong and gives the ids of where.
_INTAKE = {
    "shredded records with content left": """
        SELECT h.record_uid FROM shredding h JOIN record r USING (record_uid)
            JOIN body b ON b.record_key = r.record_key""",
    "shredded states that still name a body": """
        SELECT h.record_uid FROM shredding h JOIN record r USING (record_uid) JOIN record_state s
            ON s.record_key = r.record_key AND s.sequence <= h.sequence WHERE s.body_id IS NOT NULL""",
    "shredded records with metadata left": """
        SELECT h.record_uid FROM shredding h JOIN record r USING (record_uid)
        WHERE r.metadata IS NOT NULL OR r.executed_by IS NULL""",
    "records shredded without a disposal's notice": """
        SELECT record_uid FROM record r WHERE executed_by IS NOT NULL
            AND NOT EXISTS (SELECT FROM shredding h
                WHERE h.disposal_id = r.executed_by AND h.record_uid = r.record_uid)""",
    "states without their sealed body": """
        SELECT r.record_uid FROM record_state s JOIN record r USING (record_key)
        WHERE r.executed_by IS NULL AND NOT EXISTS (SELECT FROM body b WHERE b.body_id = s.body_id)""",
}
_WAITING = {
    "discarded arrivals with content left": """
        SELECT receipt_id FROM quarantine WHERE state = 'discarded' AND body_id IS NOT NULL""",
    "arrivals discarded without a disposal's notice": """
        SELECT receipt_id FROM quarantine q WHERE state = 'discarded' AND NOT EXISTS (SELECT FROM shredding h
            WHERE h.disposal_id = q.disposal_id AND h.record_uid = q.receipt_id AND h.what = 'arrival')""",
    "arrivals shredded and not discarded": """
        SELECT record_uid FROM shredding h WHERE what = 'arrival' AND NOT EXISTS (SELECT FROM quarantine q
            WHERE q.receipt_id = h.record_uid AND q.state = 'discarded')""",
    "settled arrivals of shredded records with content left": """
        SELECT q.receipt_id FROM quarantine q JOIN record r ON r.record_uid = q.subject
        WHERE r.executed_by IS NOT NULL AND q.body_id IS NOT NULL
            AND q.state IN ('accepted', 'superseded', 'resolved')""",
    "quarantined items without their sealed body": """
        SELECT receipt_id FROM quarantine q WHERE state IN ('open', 'discard_proposed')
            AND NOT EXISTS (SELECT FROM body b WHERE b.body_id = q.body_id)""",
}
_REVIEW = {
    "erased records with a card left": """
        SELECT e.record_id FROM erasure e JOIN card c ON c.card_id = e.record_id""",
    "erased texts that still name a body": """
        SELECT e.record_id FROM erasure e JOIN assessment a ON a.destroyed_by = e.disposal_id
            WHERE a.body_id IS NOT NULL
        UNION ALL SELECT e.record_id FROM erasure e JOIN decision d ON d.destroyed_by = e.disposal_id
            WHERE d.body_id IS NOT NULL
        UNION ALL SELECT e.record_id FROM erasure e JOIN approval p ON p.destroyed_by = e.disposal_id
            WHERE p.body_id IS NOT NULL""",
}
_EVERY = {
    "keys without their body": """
        SELECT k.body_id FROM body_key k LEFT JOIN body b USING (body_id) WHERE b.body_id IS NULL""",
    "bodies with keys of two epochs": """
        SELECT body_id FROM body_key GROUP BY body_id HAVING count(*) > 1""",
    "bodies without their key": """
        SELECT b.body_id FROM body b LEFT JOIN body_key k USING (body_id) WHERE k.body_id IS NULL""",
}
_CONFIRMED = "SELECT DISTINCT disposal_id FROM confirmation WHERE holder = 'intake' AND answer = 'erased'"


def check(estate: Estate, tally: Tally) -> None:
    """Look for what should be gone, by set."""
    own = {"intake": _INTAKE | _WAITING, "retention": {}, "review": _REVIEW}
    for service, queries in ((service, queries | _EVERY) for service, queries in own.items()):
        schema = estate.schemas[service]
        for what, statement in queries.items():
            estate.progress.at(f"I9 looks in {service} for {what}")
            for (where,) in schema.stream(statement):
                tally.fail(what, f"{service} {where}")
    tally.looked(estate.intake.one("SELECT count(*) FROM shredding"))
    tally.looked(sum(schema.one("SELECT count(*) FROM body") for schema in estate.schemas.values()))
    if estate.retention.has("confirmation"):
        _confirmed(estate, tally)
    unlinks.found(estate, tally)


def _confirmed(estate: Estate, tally: Tally) -> None:
    """What intake confirmed as erased, its own book must have; intake's snapshot is the later one."""
    said = {row[0] for row in estate.retention.stream(_CONFIRMED)}
    done = {row[0] for row in estate.intake.stream("SELECT disposal_id FROM shredding")}
    tally.looked(len(said))
    for disposal in sorted(said - done):
        tally.fail("erasures confirmed and not done", disposal)
