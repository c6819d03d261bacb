"""Clients that post batches of events as fast as they are answered: `python -m benchmarks.clients FILE`.

A process of its own, so that it and what measures do not wait for each other.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import make_event
from tools.adapters.outgoing import Outgoing

_BATCH = "application/cloudevents-batch+json"
_CORE = ("specversion", "id", "source", "type", "subject", "time", "sequence")
ANSWER_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be posted, to whom, as whom, and how many at once."""

    port: int
    token: str
    run: str
    first: int
    events: int
    batch: int
    clients: int


@dataclass(slots=True)
class Posted:
    """What came of it: seconds from the first request to the last answer, each request's own, and every outcome."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def body_of(events: list[Outgoing]) -> bytes:
    """Write a batch in CloudEvents' JSON batch format."""
    batch = []
    for event in events:
        attributes = {name.removeprefix("ce_"): value.decode() for name, value in event.headers}
        core = {name: attributes[name] for name in _CORE if name in attributes}
        batch.append({**core, "datacontenttype": "application/json", "data": json.loads(event.data)})
    return json.dumps(batch, separators=(",", ":")).encode()


def bodies(load: Load) -> Iterator[bytes]:
    """Make the bodies, one after the other."""
    for first in range(load.first, load.first + load.events, load.batch):
        last = min(first + load.batch, load.first + load.events)
        yield body_of([make_event(number, load.run) for number in range(first, last)])


def post(load: Load) -> Posted:
    """Post everything, `clients` requests at a time; each batch is made before the first is sent."""
    waiting, turn, posted = list(bodies(load)), threading.Lock(), Posted()
    threads = [
        threading.Thread(target=_client, args=(load, waiting, turn, posted), daemon=True) for _ in range(load.clients)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    posted.seconds = time.monotonic() - began
    return posted


def _client(load: Load, waiting: list[bytes], turn: threading.Lock, posted: Posted) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", load.port, timeout=ANSWER_SECONDS_MAX)
    headers = {"Content-Type": _BATCH, "Authorization": f"Bearer {load.token}"}
    try:
        while not posted.failures:
            with turn:
                if not waiting:
                    return
                body = waiting.pop()
            began = time.monotonic()
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            took = time.monotonic() - began
            if answer.status != 200:
                posted.failures.append(f"HTTP {answer.status}: {said[:300].decode(errors='replace')}")
                return
            found = Counter(receipt["outcome"] for receipt in json.loads(said))
            with turn:
                posted.took.append(took)
                posted.outcomes += found
    except (OSError, http.client.HTTPException) as error:
        posted.failures.append(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def main(path: Path) -> int:
    """Post what a file says, and print what came of it."""
    posted = post(Load(**json.loads(path.read_bytes())))
    print(
        json.dumps(
            {"seconds": posted.seconds, "took": posted.took, "outcomes": posted.outcomes, "failures": posted.failures}
        )
    )
    return 1 if posted.failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
