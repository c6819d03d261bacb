"""What every benchmark needs: results, a private stack, the events, the rows that must be there."""

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psycopg
from confluent_kafka import Producer
from psycopg import sql
from rich.console import Console
from rich.table import Table

from shared.ids import record_id, shard_of
from shared.incarnations import Incarnations
from tools.adapters.outgoing import Outgoing
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.migrate import create_database
from tools.stack.paths import ROOT, Paths
from tools.stack.postgres import DATABASE
from tools.stack.service import Service
from tools.stack.settings import of_service
from tools.topics import brokers_at

TOPIC = "records.events.v1"
PARTITIONS = 8
REMOVED_IN_MAX = 50
EVENT_BYTES = 1_000
SOURCE, SOURCE_SYSTEM = "urn:demo:crime", "crime"
LIBRARIES = ("aiokafka", "asyncpg", "confluent-kafka", "faust-streaming", "sqlalchemy")
# What an event's acceptance leaves behind, counted by table; the log has its receipt and its registered event.
_OF_RECORDS = "log WHERE topic LIKE 'records.%'"
PER_EVENT = {"arrival": 1, "record": 1, "record_state": 1, "body": 1, "body_key": 1, _OF_RECORDS: 2}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One figure, beside a peer's where there is one; `ratio` is ours to the peer's, in speed."""

    bench: str
    metric: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None
    repetitions: int
    rows: int
    processes: int
    versions: dict[str, str]
    cores: int


def versions(stack: Stack) -> dict[str, str]:
    """Give the versions of what was measured."""
    with psycopg.connect(stack.admin_url) as data:
        found = data.info.parameter_status("server_version") or "?"
    return {"postgresql": found, **libraries()}


def libraries() -> dict[str, str]:
    """Give the versions of Python and of the libraries that do the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def middle(values: list[float]) -> float:
    """Give the median, to a tenth."""
    return round(median(values), 1)


def cores() -> int:
    """Give how many cores there are for everything."""
    return os.cpu_count() or 1


def tell(results: list[Result], as_json: bool) -> None:
    """Print one JSON line per result, or a table for people."""
    if as_json:
        for result in results:
            print(json.dumps(asdict(result)))
        return
    table = Table("bench", "metric", "value", "unit", "peer", "peer's value", "ratio")
    for each in results:
        beside = [each.peer or "", "" if each.peer_value is None else f"{each.peer_value:,}"]
        ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
        table.add_row(each.bench, each.metric, f"{each.value:,}", each.unit, *beside, ratio)
    Console().print(table)
    first = results[0]
    said = ", ".join(f"{name} {number}" for name, number in first.versions.items())
    events = f"{first.rows:,} rows, " if first.rows else ""
    turns = f"medians of {first.repetitions}" if first.repetitions > 1 else "one run"
    print(f"{events}{turns}, processes measured: {first.processes}, {first.cores} cores; {said}")


@contextmanager
def servers(*services: str, say: Say) -> Iterator[Stack]:
    """Start a broker and a database of one's own, and make tables and topics; the services named start later."""
    home = Path(tempfile.mkdtemp(prefix="tenure-bench-"))
    home.chmod(0o711)  # The database's own user must pass through.
    # No figure is ever taken on the embedded broker.
    settings = {"TENURE_POLICY": str(ROOT / "policy" / "demonstration.toml"), "TENURE_BROKER": "kafka"}
    stack = Stack(Paths(home), settings, ("kafka", "postgres", *services))
    try:
        stack.start_servers(say)
        yield stack
    finally:
        stack.stop()
        remove(home)


def remove(home: Path) -> None:
    """Remove a folder with all below it; what a server wrote into it at its very end goes as well."""
    for _ in range(REMOVED_IN_MAX):
        shutil.rmtree(home, ignore_errors=True)
        if not home.exists():
            return
        time.sleep(0.1)
    raise StackError(f"{home} cannot be removed; look who uses it, and remove it by hand.")


def url_of(stack: Stack, database: str) -> str:
    """Give the administrator's URL of a database of the stack, with intake's tables in sight."""
    assert stack.postgres is not None
    return f"{stack.postgres.url(database)}?options=-csearch_path%3Dintake"


@contextmanager
def fresh_database(stack: Stack, name: str) -> Iterator[str]:
    """Give the URL of a database with empty tables, dropped afterwards."""
    assert stack.postgres is not None
    create_database(stack.postgres.url("postgres"), name, DATABASE)
    try:
        yield url_of(stack, name)
    finally:
        with psycopg.connect(stack.postgres.url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def worker_on(stack: Stack, database: str, slot: int) -> Service:
    """Make an intake worker that works on a database."""
    service = service_on(stack, database, "intake", "worker", ("intake-worker", "retention-worker")[slot])
    service.settings["TENURE_SLOT"] = str(slot)
    service.name = f"intake-worker-{slot}"
    return service


def service_on(stack: Stack, database: str, service: str, kind: str, port_of: str = "") -> Service:
    """Make a process that works on a database."""
    assert stack.postgres is not None
    port = stack.ports[port_of or f"{service}-{kind}"]
    told = stack.told(service, kind)
    told |= of_service(service, kind, port, stack.postgres.url(database), stack.paths)
    return Service(service, kind, stack.paths, port, told)


def stand_at(data: psycopg.Connection, stack: Stack, ends: dict[int, int]) -> None:
    """Store intake's positions at the ends of its topic, so that a worker reads nothing of what is there."""
    asked = Incarnations(brokers_at(stack.bootstrap))
    try:
        cluster, ids = asked.ask([TOPIC])
    finally:
        asked.close()
    for part, end in ends.items():
        row = [cluster, TOPIC, ids[TOPIC], part, end]
        data.execute(
            "INSERT INTO position (cluster, topic, incarnation, part, next_offset) VALUES (%s, %s, %s, %s, %s)", row
        )


def make_event(number: int, run: str) -> Outgoing:
    """Make a crime report of about 1 KB, the same for the same number and run."""
    name = f"{run}-{number}"
    state = {
        "source_system": SOURCE_SYSTEM,
        "source_record_id": name,
        "record_type": "crime_report",
        "occurred_on": "2022-08-01",
        "reported_at": "2022-08-01T22:10:00+01:00",
        "created_on": "2022-08-02",
        "unit": f"unit-{number % 40}",
        "offences": ["28/11"],
        "links": [{"nominal_source": "crime", "nominal_id": f"p{number // 3}", "role": "suspect"}],
        "officers": [{"staff_id": f"staff-{number % 900}", "role": "officer_in_charge"}],
        "content": {"summary": "", "location": f"{number % 300} Example Road", "beat": number % 70},
    }
    missing = EVENT_BYTES - len(json.dumps(state, separators=(",", ":")))
    words = "The caller came home and found the rear door forced and two rooms searched. "
    content = {**state["content"], "summary": (words * 12)[:missing]}  # type: ignore[dict-item]
    data = json.dumps({**state, "content": content}, separators=(",", ":")).encode()
    subject = str(record_id(SOURCE_SYSTEM, name))
    kind, time = "tenure.record.captured.v1", "2022-08-02T08:00:00Z"
    return Outgoing("captured", SOURCE, name, kind, data, subject=subject, time=time, sequence="1")


def preload(stack: Stack, count: int, topic: str = TOPIC, run: str = "ingest") -> dict[int, int]:
    """Write the events to a topic before anything reads them; gives how many each partition got."""
    producer = Producer({"bootstrap.servers": stack.bootstrap, "linger.ms": 20, "acks": "all"})
    ends = dict.fromkeys(range(PARTITIONS), 0)
    for number in range(count):
        event = make_event(number, run)
        part = shard_of(event.key) % PARTITIONS
        ends[part] += 1
        while True:
            try:
                producer.produce(topic, event.data, event.key, partition=part, headers=event.headers)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(60):
        raise StackError("Kafka did not take all the events.")
    return ends


def check_rows(data: psycopg.Connection, count: int, who: str, tables: dict[str, int] = PER_EVENT) -> None:
    """See that every row is there, and no other."""
    for table, each in tables.items():
        row = data.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        if row[0] != each * count:
            raise StackError(f"{who} left {row[0]:,} rows in {table} where {each * count:,} were due.")
