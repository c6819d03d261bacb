"""P7: one come-to-notice of a nominal with a thousand records, from the event to all of them announced."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
from confluent_kafka import Producer

from benchmarks import estate, measuring
from benchmarks.estate import facts, filling, lives
from benchmarks.hearing import Hearing
from benchmarks.measuring import Result, Say, middle
from benchmarks.peers.by_record import ByRecord
from shared.events import REGISTERED, SCHEDULES, FactRegistered, encode
from shared.ids import shard_of
from shared.relay import Row, headers_of
from tools.stack.errors import StackError

PARTITIONS = 8
SECONDS_MAX = 120.0
_RECORDS = """
SELECT record_uid::text FROM link JOIN record USING (record_key) JOIN nominal USING (nominal_key)
WHERE nominal_ref = %s AND offending"""
_DATED = """
SELECT count(*) FROM link l JOIN nominal USING (nominal_key) JOIN schedule s USING (record_key)
WHERE nominal_ref = %s AND offending AND s.clock_on = %s"""


class Plan(NamedTuple):
    """What is to be measured."""

    records: int
    folder: Path | None
    repetitions: int


def run(plan: Plan, say: Say) -> list[Result]:
    """Let the nominal come to notice again and again, ours and the peer in turns, each a day later."""
    took: dict[str, list[float]] = {"ours": [], "orm": []}
    with estate.standing(estate.Plan(plan.records, plan.folder), say) as stands, estate.worker_on(stands):
        peer = ByRecord(stands, filling.pack_of())
        hearing = Hearing(stands.stack.bootstrap, SCHEDULES)
        ways: dict[str, Callable[[FactRegistered], None]] = {"ours": _send(stands), "orm": peer.take}
        day = _last_day(stands)
        for turn in range(plan.repetitions + 1):
            for name, way in ways.items():
                day += timedelta(days=1)
                seconds, count = _once(stands, hearing, way, facts.contact(lives.LARGE, day))
                say(f"{name}: {count:,} records in {1000 * seconds:,.0f} ms{'' if turn else ' (warm-up)'}")
                if turn:
                    took[name].append(1000 * seconds)
        versions = measuring.versions(stands.stack)
    ours, theirs = middle(took["ours"]), middle(took["orm"])
    ratios = [its / mine for mine, its in zip(took["ours"], took["orm"], strict=True)]
    about = (round(sorted(ratios)[len(ratios) // 2], 1), plan.repetitions, plan.records, 1, versions)
    return [Result("person", "redated_and_announced_ms", ours, "ms", "orm", theirs, *about, measuring.cores())]


def _last_day(stands: estate.Estate) -> date:
    """Find the day up to which the nominal came to notice before."""
    with psycopg.connect(stands.url) as data:
        row = data.execute(
            "SELECT clock_on FROM person_schedule JOIN nominal USING (nominal_key) WHERE nominal_ref = %s",
            [facts.nominal_uid(lives.LARGE)],
        ).fetchone()
    assert row is not None, "the nominal is dated"
    last: date = row[0]
    return max(last, lives.AS_OF)


def _once(
    stands: estate.Estate, hearing: Hearing, way: Callable[[FactRegistered], None], event: FactRegistered
) -> tuple[float, int]:
    """Let one way take the event in; seconds until the last of the records' schedules is heard, and how many."""
    with psycopg.connect(stands.url, autocommit=True) as data:
        wanted = {row[0] for row in data.execute(_RECORDS, [event.nominal_ref])}
        began = time.perf_counter()
        way(event)
        seconds = hearing.hear(wanted, SECONDS_MAX) - began
        row = data.execute(_DATED, [event.nominal_ref, event.data["on"]]).fetchone()
    if row is None or row[0] != len(wanted):
        raise StackError(f"{row} of {len(wanted):,} records are dated by the new contact.")
    return seconds, len(wanted)


def _send(stands: estate.Estate) -> Callable[[FactRegistered], None]:
    """Publish the event as intake's relay does; retention's worker does the rest."""
    producer = Producer({"bootstrap.servers": stands.stack.bootstrap, "acks": "all", "linger.ms": 0, "log_level": 0})

    def send(event: FactRegistered) -> None:
        key = str(event.nominal_ref)
        row = Row(0, 0, 0, facts.NOW, REGISTERED, key, event.type, event.nominal_ref, encode(event), None, None)
        part = shard_of(key) % PARTITIONS
        producer.produce(REGISTERED, row.payload, key, partition=part, headers=headers_of("intake", row))
        producer.flush(10)

    return send
