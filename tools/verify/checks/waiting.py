"""I7: what waits has a review date and keeps its subjects from disposal; of what is past its last day see `overdue`."""

from datetime import timedelta
from uuid import UUID

from shared.ids import receipt_id
from tools.verify.checks.overdue import check_overdue
from tools.verify.estate import Estate
from tools.verify.findings import Tally
from tools.verify.published import REGISTERED
from tools.verify.tables import SERVICES

DATED_AFTER = timedelta(minutes=5)  # Real time: a dead letter gets its date within seconds of being set aside.
_ITEMS = """
SELECT receipt_id, review_on, parked_as, array_remove(array_prepend(subject, coalesce(named, '{}')), NULL)
FROM quarantine
WHERE state IN ('open', 'discard_proposed') ORDER BY arrival_key"""
_SETTLED = "SELECT parked_as FROM quarantine WHERE state NOT IN ('open', 'discard_proposed')"
_LETTERS = """
SELECT d.letter_id, s.state, s.review_on, d.at < %s, d.cluster, d.topic, d.incarnation, d.part, d."offset"
FROM dead_letter d LEFT JOIN letter_state s USING (letter_id)
WHERE s.state IS NULL OR s.state IN ('open', 'asked', 'trying') ORDER BY 1"""
_PARKED = "SELECT event_uid, subject FROM parked WHERE resolved_at IS NULL ORDER BY 1, 2"
_QUEUED = """
SELECT DISTINCT l.subject::text FROM unpublished u, unnest(u.log_ids) id JOIN log l ON l.log_id = id
WHERE l.topic = %s"""


def check(estate: Estate, tally: Tally) -> None:
    """Follow each item that waits to its review date and to what it keeps, and what is kept back to its item."""
    estate.progress.at("I7 looks at what waits")
    today = (estate.now + timedelta(days=estate.intake.one("SELECT offset_days FROM clock") or 0)).date()
    items = estate.intake.rows(_ITEMS)
    late = sum(review_on is not None and review_on < today for _, review_on, *_ in items)
    for receipt, review_on, *_ in items:
        tally.looked()
        if review_on is None:
            tally.fail("quarantined items without a review date", receipt)
    parked_by_letters, late_letters = _letters(estate, tally, today)
    if late + late_letters:
        tally.note(f"{late:,} quarantined items and {late_letters:,} dead letters are past their review date")
    waiting = {(parked_as, each) for *_, parked_as, subjects in items for each in subjects}
    _parked(estate, tally, waiting, parked_by_letters)
    check_overdue(estate, tally)


def _letters(estate: Estate, tally: Tally, today: object) -> tuple[set[UUID], int]:
    """Check the review dates of dead letters; gives what retention's own are parked as, and how many are late."""
    parked, late = set(), 0
    for service in SERVICES:
        for letter, state, review_on, old, *place in estate.schemas[service].rows(_LETTERS, [estate.now - DATED_AFTER]):
            tally.looked()
            late += review_on is not None and review_on < today
            if state is None or (review_on is None and old):
                tally.fail("dead letters without a review date", f"{service} {letter}")
            if service == "retention":
                parked.add(receipt_id(*place))
    return parked, late


def _parked(estate: Estate, tally: Tally, waiting: set[tuple[UUID, UUID]], letters: set[UUID]) -> None:
    """Compare what waits with what retention keeps from disposal, both ways."""
    moving = estate.published.unread(estate.positions("retention", REGISTERED))
    moving |= {row[0] for row in estate.intake.rows(_QUEUED, [REGISTERED])}
    parked = set(estate.retention.rows(_PARKED))
    settled = {row[0] for row in estate.intake.rows(_SETTLED)}
    tally.looked(len(parked))
    for event, subject in sorted(waiting - parked):
        if str(subject) in moving:
            tally.wait("events that wait are on their way to retention")
        else:
            tally.fail("events that wait and keep nothing from disposal", f"{event} {subject}")
    for event, subject in sorted(parked - waiting):
        if str(subject) in moving:
            tally.wait("news of what waits no more is on its way to retention")
        elif event not in letters:
            what = "subjects kept from disposal by what waits no more"
            tally.fail(what if event in settled else "subjects kept from disposal by nothing", f"{event} {subject}")
