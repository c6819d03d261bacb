"""Garbage by the seed: sound events broken in every way we know, for the topic and over HTTP, and what came of each."""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from shared.ids import record_id
from tests.system import counting
from tests.system.publishing import CRIME, Event, Message, message_of, publish
from tools.stack.assembly import Stack
from tools.stack.issuer import token

HTTP_IN_100 = 10
BURSTS = 5
SENDERS = 4
HUGE_BYTES = 50_000_000
WAIT_SECONDS_MAX = 600
BATCH, SINGLE = "application/cloudevents-batch+json", "application/cloudevents+json"
_DEEP = b"[" * 10_000 + b"]" * 10_000
_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    "",
    "x" * 600,
    [],
    {},
    [[]],
    {"a": None},
    "\ud800",
    "a\x00b",
    "2022-13-45",
)
_ODD_WORDS = ("", "\x00", "x" * 300, "tenure.record.dreamt.v1", "urn:nobody", "9" * 30, "-1", "\u00e9", " ")
_NAMES = ("id", "source", "type", "subject", "sequence", "specversion", "time", "corrects", "traceparent", "dataschema")


class Came(NamedTuple):
    """What came of a run, and the memory of intake's processes in megabytes after its second burst and at its end."""

    seconds: float
    arrivals: int
    outcomes: dict[str, int]
    answers: dict[int, int]
    before: dict[str, float]
    after: dict[str, float]


def cases(rng: random.Random, count: int, prefix: str) -> Iterator[Message]:
    """Make messages, each of an event of its own; `event` is left on those that are sound."""
    for number in range(count):
        # With so much at random no flipped digit makes it another's id: the sound one would be the second of them.
        event = _sound(f"{prefix}-{number}-{rng.randrange(2**40):x}")
        message = message_of(event, structured=rng.random() < 0.4)
        yield message if rng.random() < 0.2 else rng.choice(_WAYS)(rng, message)._replace(event=None)


def _sound(name: str) -> Event:
    data = {
        "source_system": "crime",
        "source_record_id": name,
        "record_type": "crime_report",
        "occurred_on": "2021-02-03",
        "offences": ["28/11"],
        "links": [{"nominal_source": "crime", "nominal_id": "N-1", "role": "suspect"}],
        "content": {"summary": "Made up."},
    }
    return Event(f"{name}/1", CRIME, "tenure.record.captured.v1", str(record_id("crime", name)), 1, data)


def _spot(rng: random.Random, message: Message) -> int:
    return rng.randrange(len(message.value or b"x"))


def _truncated(rng: random.Random, message: Message) -> Message:
    return message._replace(value=(message.value or b"")[: _spot(rng, message)])


def _flipped(rng: random.Random, message: Message) -> Message:
    raw = bytearray(message.value or b"")
    for _ in range(rng.choice((1, 1, 2, 20))):
        raw[_spot(rng, message)] = rng.randrange(256)
    return message._replace(value=bytes(raw))


def _put_in(rng: random.Random, message: Message) -> Message:
    """Put what readers of JSON disagree about where a value stands."""
    raw = message.value or b""
    odd = (
        b"NaN",
        b"-Infinity",
        b"9" * 400,
        b"1e999",
        b'"\\u0000"',
        b'"\\ud800"',
        b"\x00",
        b"\xff\xfe",
        b"{}{}",
        b'"a":1,',
    )
    at = rng.choice([n for n, byte in enumerate(raw) if byte in b":,["] or [0]) + 1
    return message._replace(value=raw[:at] + (_DEEP if rng.random() < 0.01 else rng.choice(odd)) + raw[at:])


def _twice(rng: random.Random, message: Message) -> Message:
    raw = message.value or b"{}"
    key = rng.choice([b'"offences": []', b'"content": {}', b'"id": "x"', b'"data": {}'])
    return message._replace(value=raw[:1] + key + b", " + key + b", " + raw[1:])


def _mistyped(rng: random.Random, message: Message) -> Message:
    value = json.loads(message.value or b"{}")
    inner = value.get("data", value) if rng.random() < 0.7 else value
    for name in rng.sample(sorted(inner), rng.choice((1, 1, 2))):
        if rng.random() < 0.3:
            del inner[name]
        else:
            inner[name] = rng.choice(_ODD)
    return message._replace(value=json.dumps(value).encode())


def _another_value(rng: random.Random, message: Message) -> Message:
    odd = (
        None,
        b"",
        b" ",
        b"null",
        b"[]",
        b"[1]",
        b'"x"',
        b"0",
        _DEEP if rng.random() < 0.02 else b"[[]]",
        b"\xef\xbb\xbf{}",
    )
    return message._replace(value=rng.choice((*odd, rng.randbytes(rng.randrange(200)))))


def _another_head(rng: random.Random, message: Message) -> Message:
    headers = [each for each in message.headers or () if rng.random() < 0.8]
    word = rng.choice((*(each.encode() for each in _ODD_WORDS), rng.randbytes(8)))
    return message._replace(headers=[*headers, (f"ce_{rng.choice(_NAMES)}", word)])


def _without_head(rng: random.Random, message: Message) -> Message:
    key = rng.choice((message.key, None, b"", b"\xff", b"k" * 1_000))
    return message._replace(headers=rng.choice((None, [], [("content-type", b"application/json")])), key=key)


_WAYS: tuple[Callable[[random.Random, Message], Message], ...] = (
    *(_truncated, _flipped, _put_in, _twice, _mistyped, _mistyped),
    *(_another_value, _another_head, _without_head),
)


def fuzz(stack: Stack, rng: random.Random, count: int) -> Came:
    """Send so many; every one is to have its receipt, or its refusal, and whatever is sound is to be accepted."""
    url, bootstrap, began = stack.admin_url, stack.bootstrap, time.monotonic()
    first = counting.arrivals(url).rows, sum(counting.ends(bootstrap).values()), _asked(url)
    answers, before = Counter[int](), {}
    for burst in range(BURSTS):  # Of one size: what a larger one fills is no leak.
        answers += Counter(_send(stack, rng, count // BURSTS, f"burst{burst}"))
        before = before or (memory(stack) if burst else {})
    after = memory(stack)
    sent = sum(counting.ends(bootstrap).values()) - first[1]
    rows = counting.arrivals(url).rows - first[0]
    assert rows == sent + _asked(url) - first[2], (
        "each on the topic, and each that was an event over HTTP, is an arrival"
    )
    assert len(counting.receipts(bootstrap, rows + first[0])) == rows + first[0]
    return Came(time.monotonic() - began, rows, counting.arrivals(url).outcomes, dict(answers), before, after)


def _asked(url: str) -> int:
    return int(counting.ask(url, "SELECT count(*) FROM arrival WHERE jsonb_exists(place, 'request')")[0][0])


def _send(stack: Stack, rng: random.Random, count: int, name: str) -> dict[int, int]:
    url, bootstrap, prefix = stack.admin_url, stack.bootstrap, f"{name}{rng.randrange(2**40):x}"
    posted, published = [], []
    for message in cases(rng, count, prefix):
        (posted if rng.randrange(100) < HTTP_IN_100 else published).append(message)
    publish(bootstrap, published)
    answers = _post(stack, posted)
    counting.wait_drained(url, bootstrap, WAIT_SECONDS_MAX)
    sound = {message.event.id for message in (*posted, *published) if message.event}
    of_them = "SELECT event_id, outcome FROM arrival WHERE event_id LIKE %s AND outcome = 'accepted'"
    accepted = {row[0] for row in counting.ask(url, of_them, f"{prefix}-%")}
    assert sound <= accepted, f"sound, and not accepted: {sorted(sound - accepted)[:3]}"
    return answers


def _post(stack: Stack, messages: list[Message]) -> dict[int, int]:
    """Post each, several at once; a refusal is a problem with its code, and none is ours."""
    secret, port = token("upstream", stack.paths.keys), stack.ports["intake-api"]

    def some(offset: int) -> Counter[int]:
        connection, found = http.client.HTTPConnection("127.0.0.1", port, timeout=60), Counter[int]()
        for message in messages[offset::SENDERS]:
            found[_posted(connection, secret, message)] += 1
        connection.close()
        return found

    with ThreadPoolExecutor(SENDERS) as senders:
        answers = sum(senders.map(some, range(SENDERS)), Counter())
    answers += Counter([_huge(port, secret, chunked) for chunked in (False, True)])
    assert max(answers, default=0) < 500, answers
    return dict(sorted(answers.items()))


def _posted(connection: http.client.HTTPConnection, secret: str, message: Message) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    for name, value in message.headers or ():
        said = value.decode("latin-1")
        if all(31 < ord(character) < 256 for character in said):  # What is not cannot be sent as a header at all.
            headers[name.replace("ce_", "ce-")] = said
    connection.request("POST", "/v1/events", message.value or b"", headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    assert ("outcome" in body) if answer.status == 200 else ("code" in body), body
    return answer.status


def _huge(port: int, secret: str, chunked: bool) -> int:
    """Post 50 MB, said beforehand or not; the answer may come before all is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/v1/events")
    connection.putheader("Authorization", f"Bearer {secret}")
    connection.putheader("Content-Type", SINGLE)
    connection.putheader(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(HUGE_BYTES))))
    connection.endheaders()
    part = b" " * 1_000_000
    try:
        for _ in range(HUGE_BYTES // len(part)):
            connection.send(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
    except (BrokenPipeError, ConnectionResetError):
        pass  # Refused in the middle: the answer lies before the end of the stream.
    try:
        return connection.getresponse().status
    except (ConnectionResetError, BrokenPipeError):
        return 413  # The reset overtook the answer.
    finally:
        connection.close()


def memory(stack: Stack) -> dict[str, float]:
    """Give the resident memory of intake's processes, in megabytes."""
    found = {}
    for name in ("intake-worker", "intake-api"):
        identity = stack.processes[name].identity()
        status = Path(f"/proc/{identity.pid}/status").read_text()
        found[name] = round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 1)
    return found
