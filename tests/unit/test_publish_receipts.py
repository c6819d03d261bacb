"""Receipts are matched by place and counted once."""

import json
from collections import namedtuple
from types import SimpleNamespace

import pytest

from tools.adapters.receipts import Receipts, Tally, _settle
from tools.cli.publish import _status

Part = namedtuple("Part", "partition")
MISSING = {"code": "required_missing", "pointer": "/content/object_of_search", "sentence": "It is required."}


def record(offset, outcome="accepted", reasons=(), **arrival):
    arrival = {"topic": "records.events.v1", "partition": 3, "offset": offset, **arrival}
    return SimpleNamespace(value=json.dumps({"arrival": arrival, "outcome": outcome, "reasons": reasons}).encode())


def settled(*records, offsets=range(4)):
    tally = Tally(published=len(offsets))
    pending = {("records.events.v1", 3, offset) for offset in offsets}
    for each in records:
        _settle(each, pending, tally)
    return tally


def test_a_receipt_sent_twice_counts_once():
    assert settled(record(1), record(1)).outcomes == {"accepted": 1}


@pytest.mark.parametrize(
    "stranger",
    [
        record(9),
        record(1, partition=4),
        record(1, topic="records.backload.v1"),
        SimpleNamespace(value=b'{"arrival": {"request": "r", "index": 0}, "outcome": "accepted"}'),
        SimpleNamespace(value=b'{"source_system": "crime", "matched": true}'),
        SimpleNamespace(value=None),
        SimpleNamespace(value=b"\xff{"),
    ],
)
def test_what_is_not_about_our_events_is_passed_over(stranger):
    assert settled(stranger).received == 0


def test_a_receipt_that_is_faster_than_the_acknowledgement_is_kept_until_then():
    consumer = SimpleNamespace(
        partitions_for_topic=lambda _: {0}, assign=lambda _: None, poll=lambda **_: polled.pop(0)
    )
    polled = [{Part(0): [record(7), record(8)]}, {}]
    for records in polled[0].values():
        for at, each in enumerate(records):
            each.offset = at
    receipts, pending, tally = Receipts(consumer), set(), Tally(published=2)

    assert receipts.hear(pending, tally) == 0
    assert receipts.expect(("records.events.v1", 3, 8), pending, tally) == 1
    assert (pending, dict(tally.outcomes)) == (set(), {"accepted": 1})
    receipts.hear(pending, tally)
    assert receipts.expect(("records.events.v1", 3, 7), pending, tally) == 0, (
        "ours would have been acknowledged before 8"
    )


def test_refused_events_are_counted_by_their_first_reason():
    tally = settled(record(0, "quarantined", [MISSING, {"code": "other"}]), record(1, "quarantined", [MISSING]))

    assert list(tally.reasons.values()) == [2]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["accepted", "duplicate", "superseded", "accepted"], 0),
        (["accepted", "accepted", "accepted", "quarantined"], 3),
        (["accepted", "accepted", "accepted", "unreadable"], 3),
        (["accepted", "quarantined"], 4),
    ],
)
def test_the_exit_status_says_the_result(outcomes, status):
    assert _status(settled(*(record(at, outcome) for at, outcome in enumerate(outcomes))), waited=True) == status
