"""I5: the state as one digest: the same for any order, duplication and batching of the same events."""

from hashlib import sha256

import msgspec

from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.progress import Progress
from tools.verify.tables import Schema

_FACTS = "array_agg(f.event_uid || ' ' || encode(sha256(f.canonical), 'hex') ORDER BY f.event_uid)"
# Versions, known-at, keys, salts and what the lifecycle did are outside the state.
_RECORDS = f"""
SELECT r.record_uid::text, (SELECT {_FACTS} FROM fact f WHERE f.record_key = r.record_key),
    s.state, s.class_id, s.row_id, s.grp, s.clock_on::text, s.floor_until::text, s.keep_until::text,
    s.actionable_from::text, s.open_on::text, s.review_on::text, s.review_kind, s.by_age, s.ends, s.problem, s.owner,
    s.cause, s.pack, ARRAY(SELECT n.nominal_ref || concat_ws(' ', '', l.grp, l.notice_on, l.grouped_on, l.offending)
        FROM link l JOIN nominal n USING (nominal_key) WHERE l.record_key = r.record_key ORDER BY n.nominal_ref)
FROM record r LEFT JOIN schedule s USING (record_key) ORDER BY r.record_uid"""
_PERSONS = f"""
SELECT n.nominal_ref::text, (SELECT {_FACTS} FROM fact f WHERE f.nominal_key = n.nominal_key),
    p.grp, p.clock_on::text, p.keep_until::text, p.review_on::text, p.by_age, p.birth_on::text,
    p.died_on::text, p.reviewed_on::text, p.problem
FROM nominal n LEFT JOIN person_schedule p USING (nominal_key) ORDER BY n.nominal_ref"""


def digest(retention: Schema, progress: Progress) -> tuple[str, int]:
    """Give the state's digest, and how many subjects it is over."""
    whole, count = sha256(), 0
    for statement in (_RECORDS, _PERSONS):
        for row in retention.stream(statement):
            count += 1
            progress.at("I5 digests the state,", count)
            whole.update(msgspec.json.encode(row) + b"\n")
    return whole.hexdigest(), count


def check(estate: Estate, tally: Tally) -> None:
    """Compare the digest with another run's; alone it is only told."""
    found, count = digest(estate.retention, estate.progress)
    tally.looked(count)
    if estate.expected_digest is None:
        raise NotCheckable(f"one run alone shows no order's effect; compare with another's by --same-as: {found}")
    tally.note(f"state {found}")
    if found != estate.expected_digest:
        tally.fail("states differ", found)
