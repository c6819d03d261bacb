"""Receipts are matched by place and counted once."""

import json
from types import SimpleNamespace

import pytest

from tools.adapters.receipts import Tally, _settle
from tools.cli.publish import _status

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


def test_refused_events_are_counted_by_their_first_reason():
    tally = settled(record(0, "quarantined", [MISSING, {"code": "other"}]), record(1, "quarantined", [MISSING]))

    assert list(tally.reasons.values()) == [2]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["accepted", "duplicate", "superseded", "accepted"], 0),
        (["accepted", "accepted", "accepted", "quarantined"], 3),
        (["accepted", "accepted", "accepted", "unreadable"], 3),
        (["accepted", "quarantined"], 1),
    ],
)
def test_the_exit_status_says_the_result(outcomes, status):
    assert _status(settled(*(record(at, outcome) for at, outcome in enumerate(outcomes))), waited=True) == status
