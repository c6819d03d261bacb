"""What a process of a record's own says of it: nothing, unless it came to it and was not told to stop."""

import asyncio
import os
import sys

import pytest
from aiokafka import ConsumerRecord

from shared import apart
from shared.apart import program_of, receive, send, try_apart
from shared.batches import Span
from shared.careful import one_by_one
from shared.errors import NotTried
from shared.positions import Place

PLACE = Place("cluster", "t", "first", 0)
BEGUN = "import os, signal, sys; sys.stdin.buffer.read(); os.write(1, b'begun'); "


def record(offset=7, key=b"k", value=b"v", headers=()) -> ConsumerRecord:
    sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
    return ConsumerRecord("t", 0, offset, 1_700_000_000_000, 0, key, value, None, *sizes, tuple(headers))


def span(its: ConsumerRecord | None = None) -> Span:
    return Span(PLACE, [its or record()], 7, 9)


def program(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


@pytest.mark.parametrize(
    "its",
    [
        pytest.param(record(headers=[("ce_id", b"1"), ("traceparent", None)]), id="a header without a value"),
        pytest.param(record(key=None, value=None), id="nothing at all"),
        pytest.param(record(value=bytes(range(256)) * 4_096), id="a megabyte of any bytes"),
    ],
)
async def test_the_record_comes_as_the_broker_gave_it(its):
    sent = receive(send(span(its)))
    assert (sent.place, sent.records, sent.expects, sent.next, sent.alone) == (PLACE, [its], 7, 9, True)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        pytest.param(BEGUN, "settled", id="it lives"),
        pytest.param(BEGUN + "sys.exit(3)", "lost", id="the position is somebody else's"),
        pytest.param(BEGUN + "os.kill(os.getpid(), signal.SIGKILL)", "ended", id="it is ended at once"),
        pytest.param(BEGUN + "os.kill(os.getpid(), signal.SIGALRM)", "ended", id="it worked for too long"),
        pytest.param(BEGUN + "raise KeyError", "ended", id="it broke"),
    ],
)
async def test_what_became_of_it(code, verdict):
    assert await try_apart(program(code), span()) == verdict


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param("raise KeyError", "ended with 1", id="it broke before it came to the record"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9", id="killed before"),
        pytest.param(BEGUN + "sys.exit(75)", "ended with 75", id="the database is away"),
        pytest.param(BEGUN + "os.kill(os.getpid(), signal.SIGTERM)", "ended with -15", id="told to stop"),
    ],
)
async def test_what_says_nothing_about_the_record(code, said):
    with pytest.raises(NotTried, match=said):
        await try_apart(program(code), span())


async def test_one_that_hangs_before_it_begins_is_ended(monkeypatch):
    monkeypatch.setattr(apart, "START_SECONDS_MAX", 0.2)
    monkeypatch.setattr(apart, "SECONDS_MAX", 0.2)
    with pytest.raises(NotTried, match="hangs"):
        await try_apart(program("import threading; threading.Event().wait()"), span())


async def test_whoever_is_stopped_leaves_none_behind(tmp_path):
    come = tmp_path / "come"
    code = f"import os, threading; os.symlink(str(os.getpid()), {str(come)!r}); threading.Event().wait()"
    trying = asyncio.ensure_future(try_apart(program(code), span()))
    while not come.is_symlink():
        await asyncio.sleep(0.01)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    with pytest.raises(ProcessLookupError):
        os.kill(int(os.readlink(come)), 0)


async def test_a_service_that_cannot_begin_says_nothing_about_the_record(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_KEYS", str(tmp_path / "not-there"))
    with pytest.raises(NotTried, match="ended with 1"):
        await try_apart(program_of("intake"), span())


async def test_a_span_is_parted_where_its_records_begin_over_holes_and_markers():
    parted = one_by_one(Span(PLACE, [record(7), record(9), record(10)], 5, 14))
    assert [(each.expects, each.records[0].offset, each.next) for each in parted] == [
        (5, 7, 9),
        (9, 9, 10),
        (10, 10, 14),
    ]
    assert all(each.alone for each in parted)
