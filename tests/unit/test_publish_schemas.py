"""A dry run holds events against the published schemas, and says what it cannot tell; no value is quoted."""

import json
from pathlib import Path

from tools.adapters import jsonl
from tools.adapters.publish import check
from tools.adapters.schemas import UNKNOWN, Findings
from tools.cli import publish as command

STATE = {"source_system": "crime", "source_record_id": "1", "record_type": "crime_report", "content": {}}


def file_of(folder: Path, *states: object, kind: str = "tenure.record.captured.v1") -> Path:
    event = {"specversion": "1.0", "source": "urn:demo:crime", "type": kind, "sequence": "1"}
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps({**event, "id": f"e{n}", "data": each}) + "\n" for n, each in enumerate(states)))
    return path


def sentences(path: Path) -> list[str]:
    findings = Findings()
    check([path], jsonl.read, look=findings.look)
    return findings.sentences()


def test_what_breaks_a_schema_is_counted_by_place_and_rule_with_its_first_events(tmp_path):
    wrong = {**STATE, "reported_at": "SECRET", "unit": ""}
    found = sentences(file_of(tmp_path, STATE, wrong, wrong, {"content": {}}))

    assert len(found) == 4
    assert any("2 events: /data/reported_at: against the schema's pattern" in each for each in found)
    assert any("(first: events.jsonl event 2, events.jsonl event 3)" in each for each in found)
    assert any("1 events: /data: against the schema's required" in each for each in found)
    assert found[-1] == UNKNOWN
    assert not any("SECRET" in each for each in found)


def test_sound_events_leave_only_what_cannot_be_told_and_a_type_without_a_schema_is_named(tmp_path):
    assert sentences(file_of(tmp_path, STATE)) == [UNKNOWN]
    assert sentences(file_of(tmp_path, STATE, kind="tenure.weather.observed.v1"))[0].startswith(
        "1 events of tenure.weather.observed.v1: no schema"
    )


def test_the_exit_status_of_a_dry_run_says_whether_anything_would_be_refused(tmp_path, capsys):
    parser = command.argparse.ArgumentParser()
    command.add_arguments(parser)

    assert command.run(parser.parse_args(["--dry-run", "--json", str(file_of(tmp_path, STATE))])) == 0
    assert json.loads(capsys.readouterr().out)["wrong"] == {}
    assert command.run(parser.parse_args(["--dry-run", "--json", str(file_of(tmp_path, {}))])) == command.FAILED
    assert len(json.loads(capsys.readouterr().out)["wrong"]) >= 1
