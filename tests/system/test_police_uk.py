"""Open data of three months, through the command: the accounts close with what the files say, whatever the order."""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer

from shared.ids import shard_of
from tests import stack
from tests.system import counting, whole
from tests.system.publishing import INBOUND, PARTITIONS
from tools.adapters import police_uk
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

DATA = Path(os.environ.get("TENURE_DATA", ROOT.parent / "shared" / "data")) / "police-uk"
SAMPLE = ROOT / "tools" / "demo" / "sample"
ROWS_OF_A_SLICE = 120
SECONDS_MAX = 900
_ACCOUNT = "SELECT source, outcome, sum(n)::bigint FROM account JOIN source USING (source_key) GROUP BY 1, 2"
_ARRIVED = "SELECT source, outcome, count(*) FROM arrival JOIN source USING (source_key) GROUP BY 1, 2"
_RECORDS = """
SELECT source, count(*) FROM record JOIN source USING (source_key)
WHERE kind = 'record' AND accepted_on IS NOT NULL GROUP BY 1"""
_HELD = "SELECT count(*) FROM retention.schedule"


class Counts(NamedTuple):
    """What the files alone say must come of them."""

    arrivals: dict[tuple[str, str], int]
    records: dict[str, int]


def counts_of(paths: list[Path]) -> Counts:
    """Count from the files alone; uses nothing of ours."""
    arrivals: Counter[tuple[str, str]] = Counter()
    records: Counter[str] = Counter()
    crimes = set()
    for path in paths:
        kind = next(each for each in ("stop-and-search", "outcomes", "street") if each in path.name)
        source = f"urn:police-uk:{kind}"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                refused = kind == "stop-and-search" and not row["Object of search"]
                arrivals[source, "quarantined" if refused else "accepted"] += 1
                if kind == "stop-and-search" and not refused:
                    records[source] += 1
                if kind == "street" and row["Crime ID"] not in crimes:
                    records[source] += 1
                    crimes |= {row["Crime ID"]} - {""}
    return Counts(dict(arrivals), dict(records))


@pytest.fixture(scope="module")
def estate():
    with stack.private_stack(whole.PARTS) as started:
        yield started


def published(bootstrap: str, paths: list[Path]) -> dict:
    """Run `./tenure publish` on files; every event has its receipt."""
    ran = subprocess.run(
        [sys.executable, "-m", "tools.cli", "publish", *map(str, paths), "--json", "--kafka", bootstrap],
        cwd=ROOT,
        env={**without_settings(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert ran.returncode == 3, ran.stderr
    return json.loads(ran.stdout)


def shuffled_and_doubled(bootstrap: str, paths: list[Path], rng: random.Random) -> int:
    """Send every event of the files twice, in any order."""
    events = [event for path in paths for event in police_uk.read(path)] * 2
    rng.shuffle(events)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 20})
    for event in events:
        part = shard_of(event.key) % PARTITIONS
        producer.produce(INBOUND, event.data, event.key, partition=part, headers=event.headers)
        producer.poll(0)
        if len(producer) > 50_000:
            producer.flush()
    assert producer.flush(60) == 0
    return len(events)


def of(url: str, sql: str) -> dict:
    return {row[:-1] if len(row) > 2 else row[0]: row[-1] for row in counting.ask(url, sql)}


def closes(estate, paths: list[Path], rng: random.Random) -> None:
    """Publish the files, and again shuffled and doubled: the accounts are the files', and the state stays."""
    expected, url = counts_of(paths), estate.admin_url
    told = published(estate.bootstrap, paths)
    assert told["published"] == sum(expected.arrivals.values())
    assert told["outcomes"] == {
        outcome: sum(n for (_, each), n in expected.arrivals.items() if each == outcome)
        for outcome in ("accepted", "quarantined")
    }
    assert sum(each["count"] for each in told["reasons"]) == told["outcomes"]["quarantined"]
    whole.wait_at_rest(estate, SECONDS_MAX)
    assert of(url, _ACCOUNT) == of(url, _ARRIVED) == expected.arrivals
    assert of(url, _RECORDS) == expected.records
    assert counting.ask(url, _HELD) == [(sum(expected.records.values()),)]
    before = whole.state_digest(estate)

    again = shuffled_and_doubled(estate.bootstrap, paths, rng)
    whole.wait_at_rest(estate, SECONDS_MAX)
    after = dict(expected.arrivals)
    for (source, _), n in expected.arrivals.items():
        after[source, "duplicate"] = after.get((source, "duplicate"), 0) + 2 * n
    assert again == 2 * told["published"]
    assert of(url, _ACCOUNT) == of(url, _ARRIVED) == after
    assert of(url, _RECORDS) == expected.records
    assert whole.state_digest(estate) == before
    whole.verify(estate)


def sliced(packed: Path, folder: Path) -> Path:
    """Write a file's first rows; of the stops, two lose what they were about."""
    with gzip.open(packed, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(islice(reader, ROWS_OF_A_SLICE))
    for row in rows[:2] if "stop" in packed.name else []:
        row["Object of search"] = ""
    with (folder / packed.stem).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(rows)
    return folder / packed.stem


def test_the_accounts_of_a_slice_close(estate, tmp_path, rng):
    closes(estate, [sliced(packed, tmp_path) for packed in sorted(SAMPLE.glob("*.csv.gz"))], rng)


@pytest.mark.soak
@pytest.mark.timeout(3 * SECONDS_MAX)
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no police data at {DATA}; set TENURE_DATA to the folder above it")
def test_the_accounts_of_all_three_months_close(rng):
    with stack.private_stack(whole.PARTS) as started:
        closes(started, sorted(DATA.glob("*.csv")), rng)
