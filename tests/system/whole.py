"""All three services seen from outside: when nothing is under way any more, and what the verifier says then."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import psycopg

from shared.events import (
    BACKLOAD,
    CONFIRMATIONS,
    DECISIONS,
    DISPOSALS,
    INBOUND,
    POLICIES,
    REGISTERED,
    REVIEWS,
    SCHEDULES,
    TASKS,
)
from shared.topics import BY_NAME
from tests.system import counting
from tools.stack.assembly import Stack
from tools.stack.paths import ROOT
from tools.stack.service import without_settings
from tools.verify.checks import state

WORKERS = ("intake", "retention", "review")
PARTS = ("kafka", "postgres", *(f"{service}-worker" for service in WORKERS))
VERIFY_SECONDS_MAX = 120
PATIENCE_SECONDS = "45"
READS = {
    "intake": (INBOUND, BACKLOAD, SCHEDULES, DISPOSALS, TASKS, POLICIES),
    "retention": (REGISTERED, DECISIONS, CONFIRMATIONS),
    "review": (REGISTERED, REVIEWS, DISPOSALS, POLICIES),
}

_POSITIONS = " UNION ALL ".join(f"SELECT '{s}', topic, part, next_offset FROM {s}.position" for s in WORKERS)
_WAITING = {
    **{f"{name} of {s}": f"SELECT count(*) FROM {s}.{name}" for s in WORKERS for name in ("unpublished", "unsealed")},
    "dirty marks": "SELECT count(*) FROM retention.dirty",
    "schedules not announced": "SELECT count(*) FROM retention.schedule WHERE announced_version < version",
}
_WAITS = "SELECT " + ", ".join(f"({count})" for count in _WAITING.values())
# Whatever has an effect writes a row of its log: what has a topic counts up, what has none counts down.
_WRITTEN = " UNION ALL ".join(f"SELECT min(log_id), max(log_id) FROM {s}.log" for s in WORKERS)


class Look(NamedTuple):
    """The tables at one moment."""

    waiting: dict[str, int]
    positions: dict[tuple[str, str, int], int]
    written: list[tuple[Any, ...]]


def wait_at_rest(stack: Stack, seconds: float, tend: Callable[[], None] = lambda: None) -> float:
    """Wait until all three services have read, settled, announced, published and sealed everything."""
    left: list[str] = ["nothing was looked at"]

    def at_rest() -> bool:
        tend()
        left[:] = under_way(stack.admin_url, stack.bootstrap)
        return not left

    return counting.wait_for(at_rest, seconds, lambda: f"everything is at rest; left: {', '.join(left)}")


def under_way(url: str, bootstrap: str) -> list[str]:
    """Say what is under way; nothing is only if nothing happened between two looks, and all ends lay before the second.

    The watermarks that intake sends each second move the ends of the registered topic, and change nothing else.
    """
    before, ends, after = look(url), ends_of(bootstrap), look(url)
    left = [f"{count} {what}" for look_ in (before, after) for what, count in look_.waiting.items() if count]
    left += [
        f"{service} is at {after.positions.get((service, topic, part), 0)} of {end} in {topic}[{part}]"
        for service in WORKERS
        for topic in READS[service]
        for part, end in enumerate(ends[topic])
        if after.positions.get((service, topic, part), 0) < end
    ]
    return left or ([] if before.written == after.written else ["something was written just now"])


def look(url: str) -> Look:
    """Look at the tables of all three services, each statement at one moment."""
    with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
        [waits] = connection.execute(_WAITS.encode()).fetchall()
        positions = {row[:3]: row[3] for row in connection.execute(_POSITIONS.encode())}
        written = connection.execute(_WRITTEN.encode()).fetchall()
        return Look(dict(zip(_WAITING, waits, strict=True)), positions, written)


def ends_of(bootstrap: str) -> dict[str, list[int]]:
    """Give the ends of every topic that one of us reads."""
    topics = sorted({topic for its in READS.values() for topic in its})
    return {topic: list(counting.ends(bootstrap, topic, BY_NAME[topic].partitions).values()) for topic in topics}


def verify(stack: Stack, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run `./tenure verify` on a stack at rest: everything holds; gives the findings by id."""
    ran = _verifier(stack, "--json", *arguments)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    wrong = {each["id"]: (each["reason"], each["examples"]) for each in told["findings"] if each["verdict"] == "fails"}
    assert (ran.returncode, wrong) == (0, {}), f"{ran.returncode}: {wrong}"
    assert told["quiet"], "the verifier's look was one at a system at rest"
    return {each["id"]: each for each in told["findings"]}


def state_digest(stack: Stack) -> str:
    """Give the digest of retention's state (I5): the same for any order, duplication and batching of the same."""
    ran = _verifier(stack, "--state-digest")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def subjects(stack: Stack) -> dict[str, str]:
    """Give retention's state of each subject, as I5 digests it, so that what differs can be told."""
    with psycopg.connect(stack.admin_url, autocommit=True, options="-csearch_path=retention") as connection:
        rows = [row for each in (state.RECORDS, state.PERSONS) for row in connection.execute(each.encode())]
    return {str(row[0]): str(row[1:]) for row in rows}


def _verifier(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tools.verify", "--quiet", "--patience", PATIENCE_SECONDS, *arguments],
        cwd=ROOT,
        env={**without_settings(), **stack.environment()},
        capture_output=True,
        text=True,
        timeout=VERIFY_SECONDS_MAX,
        check=False,
    )


def repeated(bootstrap: str, topics: Iterable[str]) -> Counter[str]:
    """Count by service how many messages are on some topics more than once, by their CloudEvents id."""
    seen: Counter[tuple[bytes, bytes]] = Counter()
    for topic in topics:
        for message in counting.read(bootstrap, topic, BY_NAME[topic].partitions):
            headers = dict(message.headers() or ())
            seen[headers["ce_source"], headers["ce_id"]] += 1
    return Counter(source.decode().rpartition(":")[2] for (source, _), count in seen.items() if count > 1)
