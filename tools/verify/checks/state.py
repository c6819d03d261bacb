"""I5: the state as one digest: the same for any order, duplication and batching of the same events."""

from hashlib import sha256

import msgspec

from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.progress import Progress
from tools.verify.tables import Schema

_FACTS = "array_agg(f.event_uid || ' ' || encode(sha256(f.canonical), 'hex') ORDER BY f.event_uid)"
_DIGESTS = 1 << 256
# Versions, known-at, keys, salts and what the lifecycle did are outside the state.
RECORDS = f"""
SELECT r.record_uid, f.facts, s.state, s.class_id, s.row_id, s.grp, s.clock_on, s.floor_until, s.keep_until,
    s.actionable_from, s.open_on, s.review_on, s.review_kind, s.by_age, s.ends, s.problem, s.owner,
    s.cause, s.pack, l.links
FROM record r LEFT JOIN schedule s USING (record_key)
LEFT JOIN (SELECT record_key, {_FACTS} facts FROM fact f WHERE record_key IS NOT NULL GROUP BY 1) f USING (record_key)
LEFT JOIN (SELECT record_key, array_agg(n.nominal_ref
        || concat_ws(' ', '', l.grp, l.notice_on, l.grouped_on, l.offending) ORDER BY n.nominal_ref) links
    FROM link l JOIN nominal n USING (nominal_key) GROUP BY 1) l USING (record_key)"""
PERSONS = f"""
SELECT n.nominal_ref, f.facts, p.grp, p.clock_on, p.keep_until, p.review_on, p.by_age, p.birth_on,
    p.died_on, p.reviewed_on, p.problem
FROM nominal n LEFT JOIN person_schedule p USING (nominal_key)
LEFT JOIN (SELECT nominal_key, {_FACTS} facts FROM fact f WHERE nominal_key IS NOT NULL GROUP BY 1) f
    USING (nominal_key)"""


def digest(retention: Schema, progress: Progress) -> tuple[str, int]:
    """Give the state's digest, and how many subjects it is over.

    It is the sum of the subjects' SHA-256: their keys differ from run to run, and nothing need be sorted for it.
    """
    whole, count = 0, 0
    for statement in (RECORDS, PERSONS):
        for row in retention.stream(statement):
            count += 1
            progress.at("I5 digests the state,", count)
            whole += int.from_bytes(sha256(msgspec.json.encode(row)).digest())
    return f"{whole % _DIGESTS:064x}", count


def check(estate: Estate, tally: Tally) -> None:
    """Compare the digest with another run's; alone it is only told."""
    found, count = digest(estate.retention, estate.progress)
    tally.looked(count)
    if estate.expected_digest is None:
        raise NotCheckable(f"one run alone shows no order's effect; compare with another's by --same-as: {found}")
    tally.note(f"state {found}")
    if found != estate.expected_digest:
        tally.fail("states differ", found)
