"""data.police.uk's files as events: the same rows always give the same events, and a mistake is named with its line."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from shared.ids import record_id
from tools.adapters import police_uk
from tools.adapters.outgoing import Mistake, Outgoing
from tools.cli import publish as command

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tools" / "demo" / "sample"
CRIME = "6c073e3f8c36c71cc1ad018cee89464520329878aa4b25d990eebd0fbb303f1c"

STOP = {"Type": "Person search", "Date": "2022-07-31T23:10:00+00:00", "Object of search": "Controlled drugs"}
STREET = {
    "Crime ID": CRIME,
    "Month": "2022-08",
    "Falls within": "Metropolitan Police Service",
    "Crime type": "Burglary",
}
OUTCOME = {"Crime ID": CRIME, "Month": "2022-08", "Outcome type": "Suspect charged"}
COLUMNS = {kind.name: kind.columns for kind in police_uk.KINDS}


def written(folder: Path, kind: str, *rows: dict[str, str], name: str = "2022-08-a-force.csv") -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[kind], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(folder: Path, kind: str, *rows: dict[str, str], name: str = "2022-08-a-force.csv") -> list[Outgoing]:
    return list(police_uk.read(written(folder, kind, *rows, name=name)))


def test_a_stop_is_its_own_record_on_its_day_in_london(tmp_path):
    [event] = read(tmp_path, "stop-and-search", STOP)

    assert json.loads(event.data) == {
        "source_system": "police-uk-stops",
        "source_record_id": event.id,
        "record_type": "stop_and_search",
        "occurred_on": "2022-08-01",
        "content": {"type": "Person search", "date": STOP["Date"], "object_of_search": "Controlled drugs"},
    }
    assert event.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"6dab5ee8-c03f-5368-a2a5-99c31f05dab5"),
        ("ce_source", b"urn:police-uk:stop-and-search"),
        ("ce_type", b"tenure.record.captured.v1"),
        ("ce_subject", str(record_id("police-uk-stops", event.id)).encode()),
        ("ce_time", STOP["Date"].encode()),
        ("ce_sequence", b"1"),
        ("content-type", b"application/json"),
    ]


def test_a_crime_says_its_month_and_no_instant(tmp_path):
    [event] = read(tmp_path, "street", STREET)
    state = json.loads(event.data)

    assert (state["source_record_id"], state["occurred_on"], state["precision"]) == (CRIME, "2022-08", "month")
    assert (state["offences"], state["record_type"]) == (["police-uk:burglary"], "crime_report")
    assert (event.time, event.sequence) == (None, "202208000001")
    assert event.subject == event.key == str(record_id("police-uk-street", CRIME))


def test_the_same_crime_again_is_a_revision(tmp_path):
    first, second = read(tmp_path, "street", STREET, {**STREET, "Location": "On or near Rose Lane"})

    assert first.subject == second.subject
    assert (first.sequence, second.sequence) == ("202208000001", "202208000002")


def test_a_crime_without_an_id_is_told_by_its_row(tmp_path):
    [event] = read(tmp_path, "street", {**STREET, "Crime ID": ""})

    assert json.loads(event.data)["source_record_id"] == event.id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Suspect charged", {"trigger": "charged"}),
        ("Offender given a caution", {"trigger": "cautioned"}),
        ("Offender given penalty notice", {"trigger": "penalty_issued"}),
        ("Unable to prosecute suspect", {"trigger": "no_further_action"}),
        ("Investigation complete; no suspect identified", {"trigger": "no_further_action"}),
        ("Formal action is not in the public interest", {"trigger": "no_further_action"}),
        ("Local resolution", {"trigger": "outcome_recorded", "value": "local-resolution"}),
        (
            "Suspect charged as part of another case",
            {"trigger": "outcome_recorded", "value": "suspect-charged-as-part-of-another-case"},
        ),
    ],
)
def test_an_outcome_is_a_trigger_on_the_crime(tmp_path, words, said):
    [event] = read(tmp_path, "outcomes", {**OUTCOME, "Outcome type": words})
    crime = str(record_id("police-uk-street", CRIME))

    assert json.loads(event.data) == {"record_id": crime, "on": "2022-08", "precision": "month", **said}
    assert (event.type, event.source) == ("tenure.trigger.recorded.v1", "urn:police-uk:outcomes")
    assert (event.subject, event.sequence, event.time) == (crime, None, None)


def test_rows_identical_to_the_letter_are_separate_occurrences(tmp_path):
    events = read(tmp_path, "stop-and-search", STOP, STOP, {**STOP, "Gender": "Male"}, STOP)

    assert len({event.id for event in events}) == len({event.subject for event in events}) == 4


def test_reading_again_gives_the_same_events(tmp_path):
    assert read(tmp_path, "street", STREET, STREET) == read(tmp_path, "street", STREET, STREET)


def test_another_file_name_gives_the_same_events(tmp_path):
    assert read(tmp_path, "stop-and-search", STOP) == read(tmp_path, "stop-and-search", STOP, name="stops.csv")


def test_emptied_lines_and_gzip_change_no_event(tmp_path):
    lines = written(tmp_path, "street", {**STREET, "Crime ID": "1"}, STREET).read_text().split("\n")
    _, whole = police_uk.read(tmp_path / "2022-08-a-force.csv")
    cut = tmp_path / "2022-08-cut.csv.gz"
    cut.write_bytes(gzip.compress("\n".join([lines[0], "", *lines[2:]]).encode()))

    assert list(police_uk.read(cut)) == [whole]


def test_columns_may_stand_in_any_order(tmp_path):
    expected = read(tmp_path, "stop-and-search", STOP)
    path = tmp_path / "2022-08-turned.csv"
    rows = csv.reader((tmp_path / "2022-08-a-force.csv").read_text().splitlines())
    path.write_text("\n".join(",".join(reversed(row)) for row in rows))

    assert list(police_uk.read(path)) == expected


@pytest.mark.parametrize(
    ("kind", "row", "line", "mend"),
    [
        ("stop-and-search", {**STOP, "Date": "2022-07-31"}, 3, "write day, time and offset"),
        ("stop-and-search", {**STOP, "Date": "2022-07-31T23:10:00"}, 3, "write day, time and offset"),
        ("stop-and-search", {**STOP, "Date": "2022-07-32T23:10:00Z"}, 3, "no day of the calendar"),
        ("stop-and-search", {**STOP, "Date": ""}, 3, "'Date' is empty"),
        ("stop-and-search", {**STOP, "Gender": "a\0"}, 3, "NUL"),
        ("stop-and-search", {**STOP, "Gender": "a" * 10_001}, 3, "longer than 10000"),
        ("street", {**STREET, "Month": "2022-13"}, 3, "YYYY-MM"),
        ("street", {**STREET, "Crime type": ""}, 3, "'Crime type' is empty"),
        ("outcomes", {**OUTCOME, "Crime ID": ""}, 3, "'Crime ID' is empty"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_mend(tmp_path, kind, row, line, mend):
    good = {"stop-and-search": STOP, "street": STREET, "outcomes": OUTCOME}[kind]

    with pytest.raises(Mistake, match=f"2022-08-a-force.csv, line {line}: .*{mend}"):
        read(tmp_path, kind, good, row)


@pytest.mark.parametrize(
    ("content", "mend"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"Crime ID,Month\n", "line 1: the column 'Reported by' is missing", id="columns missing"),
        pytest.param(b"\xff\xfe\n", "line 1: .*is missing", id="not text"),
        pytest.param(b'"Crime ID\n', "line 1: not CSV", id="open quotation"),
    ],
)
def test_a_file_of_another_shape_gives_no_event_at_all(tmp_path, content, mend):
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(Mistake, match=mend):
        next(police_uk.read(path))


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path):
    path = written(tmp_path, "street", STREET, STREET)
    path.write_bytes(path.read_bytes()[:-20] + b"\xff" + path.read_bytes()[-20:])

    with pytest.raises(Mistake, match="line 3: not UTF-8"):
        list(police_uk.read(path))


def run(*arguments: str) -> int:
    parser = command.argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([*arguments, "--kafka", "127.0.0.1:1"]))


def test_one_bad_file_stops_all_before_the_broker_is_asked(tmp_path, capsys):
    good = written(tmp_path, "street", STREET)
    bad = written(tmp_path, "street", {**STREET, "Month": "August"}, name="2022-08-bad.csv")

    assert run(str(good), str(bad)) == command.FAILED
    assert capsys.readouterr().err.endswith(
        "line 2: 'Month' is not a month: write it as YYYY-MM. Nothing was published.\n"
    )


def test_a_dry_run_counts_by_kind_and_needs_no_broker(tmp_path, capsys):
    assert run("--dry-run", str(written(tmp_path, "street", STREET, STREET))) == 0
    assert "street 2\n2 events in all; nothing was published.\n" in capsys.readouterr().out


def test_without_a_file_it_says_what_to_give(capsys):
    assert run() == command.FAILED
    assert capsys.readouterr().err.startswith("No file was named: ")


def test_the_bundled_sample_is_whole_and_its_outcomes_concern_its_crimes():
    events = [event for path in sorted(SAMPLE.glob("*.csv.gz")) for event in police_uk.read(path)]
    crimes = {event.subject for event in events if event.kind == "street"}
    outcomes = {event.subject for event in events if event.kind == "outcomes"}

    assert Counter(event.kind for event in events) == {"street": 2058, "outcomes": 2150, "stop-and-search": 2000}
    assert len({event.id for event in events}) == len(events)
    assert outcomes == crimes
    assert "Open Government Licence v3.0" in (SAMPLE / "LICENCE").read_text()
