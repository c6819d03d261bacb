"""Events that are none, and one that ends the process each time it is read: each has its receipt, nothing waits."""

import json
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from shared.ids import record_id
from tests.stack import private_stack
from tests.system import counting, whole
from tests.system.fuzzing import fuzz
from tests.system.publishing import CRIME, INBOUND, Event, Message, made_up, message_of, publish
from tools.stack.service import Service

BEFORE, BEHIND = 300, 2_000
FUZZED = 3_000
ENDS_MAX = 5
POISONED_PARTITION = 3


@pytest.fixture(scope="module")
def stack():
    with private_stack(("kafka", "postgres", "intake-worker", "intake-api")) as running:
        yield running
        counting.last_words(running.processes["intake-worker"].log)


def sound(name: str, **changes) -> Event:
    data = {
        "source_system": "crime",
        "source_record_id": name,
        "record_type": "crime_report",
        "occurred_on": "2021-02-03",
        "content": {"summary": "Made up."},
        **changes,
    }
    return Event(f"{name}/1", CRIME, "tenure.record.captured.v1", str(record_id("crime", name)), 1, data)


def raw(name: str, value: bytes | None, **attributes: str | None) -> Message:
    """Give a binary message whose bytes are as said; an attribute of None is left out."""
    event = sound(name)
    known = {"id": event.id, "source": event.source, "type": event.type, "subject": event.subject, "sequence": "1"}
    named = {"specversion": "1.0", **known, **attributes}
    headers = [
        (f"ce_{key}", text.encode("utf-8", "surrogateescape")) for key, text in named.items() if text is not None
    ]
    return Message(0, event.subject.encode(), headers, value)


def data(name: str, **changes) -> bytes:
    return json.dumps(sound(name, **changes).data).encode()


def structured(value: bytes) -> Message:
    return Message(0, b"k", [("content-type", b"application/cloudevents+json")], value)


DEEP = b'{"source_system": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
GARBAGE = {
    "null value": (raw("g1", None), "quarantined", "no_data"),
    "null value, no headers, no key": (Message(0, None, None, None), "unreadable", "not_an_event"),
    "no headers": (Message(0, b"k", None, data("g2")), "unreadable", "not_an_event"),
    "not UTF-8": (raw("g3", b'{"source_system": "\xff\xfe"}'), "quarantined", "not_utf8"),
    "structured, not UTF-8": (structured(b"\xff\xfe{}"), "unreadable", "not_utf8"),
    "truncated": (raw("g4", data("g4")[:-9]), "quarantined", "not_json"),
    "structured, truncated": (structured(b'{"specversion": "1.0", "id": "x'), "unreadable", "not_json"),
    "structured, a list": (structured(b"[1]"), "unreadable", "not_an_event"),
    "10,000 levels deep": (raw("g5", DEEP), "quarantined", "too_deep"),
    "structured, 10,000 levels deep": (structured(DEEP), "unreadable", "too_deep"),
    "NaN": (raw("g6", b'{"n": NaN}'), "quarantined", "not_a_number"),
    "duplicate keys": (raw("g7", b'{"a": 1, "a": 2}'), "quarantined", "duplicate_key"),
    "400 digits": (raw("g8", b'{"n": ' + b"9" * 400 + b"}"), "quarantined", "number_too_large"),
    "an exponent beyond all": (raw("g9", b'{"n": 1e999}'), "quarantined", "number_too_large"),
    "wrong type": (raw("g10", data("g10", offences="28/11")), "quarantined", "field_invalid"),
    "missing field": (raw("g11", b'{"source_system": "crime"}'), "quarantined", "field_missing"),
    "not an object": (raw("g12", b"[]"), "quarantined", "bad_data"),
    "escaped NUL": (raw("g13", data("g13", unit="a\x00b")), "quarantined", "nul_character"),
    "a NUL byte": (raw("g14", data("g14").replace(b"Made", b"\x00ade")), "quarantined", "not_json"),
    "half a surrogate pair": (raw("g15", data("g15", unit="\ud800")), "quarantined", "lone_surrogate"),
    "NUL in the id": (raw("g16", data("g16"), id="a\x00b"), "unreadable", "bad_id"),
    "bytes in the subject": (raw("g17", data("g17"), subject="\udcff\udcfe"), "quarantined", "bad_subject"),
    "sequence nought": (raw("g18", data("g18"), sequence="0"), "quarantined", "bad_sequence"),
    "no sequence": (raw("g19", data("g19"), sequence=None), "quarantined", "no_sequence"),
    "unknown type": (raw("g20", data("g20"), type="tenure.record.dreamt.v1"), "quarantined", "type_not_yet_known"),
    "unknown source": (raw("g21", data("g21"), source="urn:nobody"), "quarantined", "source_not_registered"),
    "another's subject": (raw("g22", data("g23")), "quarantined", "subject_mismatch"),
    "too secret": (raw("g24", data("g24", marking="SECRET")), "forbidden", "marking_forbidden"),
}


def test_garbage_has_its_receipt_and_harms_nobody(stack):
    url, bootstrap = stack.admin_url, stack.bootstrap
    before, process = counting.ends(bootstrap)[0], stack.processes["intake-worker"].identity()

    publish(bootstrap, [*(message for message, _, _ in GARBAGE.values()), message_of(sound("after"))])
    counting.wait_drained(url, bootstrap, 40)

    found = outcomes(url, 0)
    got = {name: found[before + n] for n, name in enumerate(GARBAGE)}
    assert got == {name: (outcome, code) for name, (_, outcome, code) in GARBAGE.items()}
    assert counting.ask(url, "SELECT outcome FROM arrival WHERE event_id = 'after/1'") == [("accepted",)]
    assert stack.processes["intake-worker"].identity() == process
    counted = counting.arrivals(url)
    assert counted.rows == counted.places == len(counting.receipts(bootstrap, counted.rows))
    print(f"\n{len(GARBAGE)} kinds of garbage, one receipt each: {counted.outcomes}")


def test_an_event_that_ends_every_process_is_parked_when_two_of_its_own_have_ended(stack, rng):
    """What ended a process among others is tried one by one; from the third try on by processes of its own."""
    url, bootstrap = stack.admin_url, stack.bootstrap
    worker = stack.processes["intake-worker"]
    worker.kill()
    worker.settings = {**worker.settings, "TENURE_CRASH_POINT": "reading_poison:1"}
    worker.start(40)
    at = counting.ends(bootstrap)[POISONED_PARTITION] + BEFORE
    poison = message_of(sound("poison", content={"summary": "tenure-test-poison"}))
    messages = [*made_up(rng, BEFORE, "before"), poison, *made_up(rng, BEHIND, "behind")]
    began = time.monotonic()

    publish(bootstrap, [message._replace(partition=POISONED_PARTITION) for message in messages])
    ends = supervise(worker, url, lambda: counting.progress(url) == sum(counting.ends(bootstrap).values()))

    took = time.monotonic() - began
    counting.wait_drained(url, bootstrap, 20)
    alone = [end.attempts for end in ends if end.attempt_at == at and end.attempts > 1]
    assert alone == [2], f"one try of it alone ended the worker, and no more did: {ends}"
    assert outcomes(url, POISONED_PARTITION)[at] == ("unreadable", "defect")
    counted = counting.arrivals(url)
    assert counted.rows == counted.places == sum(counting.ends(bootstrap).values())
    assert len(counting.receipts(bootstrap, counted.rows)) == counted.rows
    after = {offset: got for offset, got in outcomes(url, POISONED_PARTITION).items() if offset > at}
    assert len(after) == BEHIND
    assert {outcome for outcome, _ in after.values()} <= {"accepted", "superseded", "duplicate"}
    whole.verify(stack)
    print(
        f"\nended the process {len(ends)} times: {len(ends) - len(alone)} among others, {len(alone)} alone, parked"
        f" when it ended two of its own too; {BEHIND} behind it settled {took:.0f} s after it came"
    )


def test_thousands_of_pieces_of_garbage_have_their_receipt_or_refusal(stack, rng):
    """The seed says which: broken in every way we know, on the topic and over HTTP. The soak has a hundred thousand."""
    processes = {name: stack.processes[name].identity() for name in ("intake-worker", "intake-api")}
    came = fuzz(stack, rng, FUZZED)
    assert {name: stack.processes[name].identity() for name in processes} == processes, "none ended"
    assert {"accepted", "quarantined", "unreadable"} <= came.outcomes.keys()
    assert came.answers.keys() >= {200, 400, 413}
    print(f"\n{FUZZED} pieces: {came}")


class End(NamedTuple):
    """What the poisoned partition's position said when the process had ended."""

    next_offset: int
    attempt_at: int
    attempts: int


def supervise(worker: Service, url: str, done: Callable[[], bool]) -> list[End]:
    """Start what ends again, until done; gives where it stood at each end."""
    ends: list[End] = []
    sql = "SELECT next_offset, attempt_at, attempts FROM position WHERE topic = %s AND part = %s"

    def looked() -> bool:
        if not worker.running():
            ends.extend(End(*row) for row in counting.ask(url, sql, INBOUND, POISONED_PARTITION))
            assert len(ends) <= ENDS_MAX, f"it ends again and again: {ends}"
            worker.spawn()
        return done()

    counting.wait_for(looked, 120, "everything is settled")
    return ends


def outcomes(url: str, partition: int) -> dict[int, tuple[str, str | None]]:
    """Give (outcome, first reason's code) by offset."""
    sql = """SELECT (place->>'offset')::bigint, outcome, reasons->0->>'code' FROM arrival
        WHERE place->>'topic' = %s AND coalesce((place->>'partition')::int, 0) = %s"""
    return {row[0]: (row[1], row[2]) for row in counting.ask(url, sql, INBOUND, partition)}
