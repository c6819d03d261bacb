"""Whole months of data.police.uk, where they are at hand: as many events as an independent count says."""

import csv
import json
import os
from pathlib import Path

import pytest

from tools.adapters import police_uk

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TENURE_DATA", ROOT.parent / "shared" / "data")) / "police-uk"
SAMPLE = ROOT / "tools" / "demo" / "sample"


def expected_of_stops(path: Path) -> dict[str, int]:
    """Count from the file alone what publishing it must show; uses nothing of ours."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    quarantined = sum(1 for row in rows if not row["Object of search"])
    return {"published": len(rows), "quarantined": quarantined, "accepted": len(rows) - quarantined}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no police data at {DATA}; set TENURE_DATA to the folder above it")
def test_the_stops_of_august_2022_are_what_an_independent_count_says():
    path = DATA / "2022-08-metropolitan-stop-and-search.csv"
    expected = expected_of_stops(path)
    events = list(police_uk.read(path))
    without_object = [event for event in events if "object_of_search" not in json.loads(event.data)["content"]]

    assert expected == {"published": 17_286, "quarantined": 43, "accepted": 17_243}
    assert len({event.id for event in events}) == expected["published"]
    assert len(without_object) == expected["quarantined"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no police data at {DATA}; set TENURE_DATA to the folder above it")
@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*.csv.gz")), ids=lambda path: path.name)
def test_the_sample_gives_the_same_events_as_the_whole_file(path):
    whole = {event.id: event for event in police_uk.read(DATA / path.stem)}

    assert all(whole[event.id] == event for event in police_uk.read(path))
