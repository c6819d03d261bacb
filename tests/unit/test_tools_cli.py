"""The command line: what it says in words, and what it refuses in a sentence."""

import argparse
import json

import pytest

from shared import ids
from tools.cli import explain, logs, main
from tools.cli.status import in_words
from tools.stack.errors import StackError
from tools.stack.paths import Paths

DATED = {
    "state": "current",
    "class": "crime.report.undetected",
    "row": "R03",
    "keep_until": "2028-08-01",
    "held": True,
    "restricted": False,
    "owner": None,
    "sentences": ["Row R03 keeps it for 6 years from then."],
}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param("", "does not answer", id="nobody there"),
        pytest.param("Bad\n  Gateway", "Bad Gateway", id="somebody else there"),
        pytest.param("[]", "[]", id="no answer of ours"),
        pytest.param('{"checks": {"database": false, "policy": true}}', "waits for database.", id="an api"),
        pytest.param(
            '{"checks": {"kafka": false, "relay": false, "database": true}, "waits_for": ["No broker.", "No broker."]}',
            "waits for kafka, relay. No broker.",
            id="a worker",
        ),
    ],
)
def test_what_a_process_waits_for_is_said_in_words(said, words):
    assert in_words(said) == words


def test_a_held_record_says_so_beside_its_date():
    lines = explain._lines(DATED)

    assert "held             yes" in lines
    assert not any(line.startswith(("restricted", "owner")) for line in lines)
    assert lines[-2] == "- Row R03 keeps it for 6 years from then."
    assert "A hold is in force" in lines[-1]


def _asks(*arguments):
    parser = argparse.ArgumentParser()
    explain.add_arguments(parser)
    return list(explain._paths(parser.parse_args(arguments)).values())


PART = {"record_id": "p-1", "until": "2030-01-01", "year": None, "permanent": False, "waits": True, "undated": False}


def _explained(*arguments, parts=()):
    parser = argparse.ArgumentParser()
    explain.add_arguments(parser)
    args = parser.parse_args(arguments)
    answers = dict.fromkeys(explain._paths(args), DATED)
    return args, answers, {name: iter(parts) for name in answers if args.parts}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["a:1"], DATED, id="one"),
        pytest.param(["a:1", "a:2"], [DATED, DATED], id="two"),
        pytest.param(["a:1", "a:1"], [DATED, DATED], id="the same twice"),
        pytest.param(["a:1", "--parts"], {**DATED, "parts": [PART]}, id="parts"),
        pytest.param(["a:1", "a:2", "--parts"], [{**DATED, "parts": [PART]}] * 2, id="parts of two"),
        pytest.param(["nominal", "crime:N-42"], DATED, id="a person"),
    ],
)
def test_an_explanation_for_programs_is_one_value_with_the_parts_in_it(arguments, expected):
    assert json.loads(explain._json(*_explained(*arguments, parts=[PART]))) == expected


def test_each_list_of_parts_names_its_case_file():
    lines = list(explain._told(*_explained("a:1", "a:2", "--parts", parts=[PART])))
    heads = [line.strip() for line in lines if line.strip().startswith("What the parts of")]
    assert heads == [f"What the parts of {name} ask of it as it stands:" for name in ("a:1", "a:2")]
    assert lines.count("- p-1  until 2030-01-01  waits") == 2


def test_what_is_asked_of_an_explanation_is_put_to_the_service():
    person = ids.nominal_ref("crime", "N-42")
    first, second = (f"/v1/records/{ids.record_id('crime', each)}/schedule" for each in "12")
    assert _asks("crime:1") == [first]
    of_person = f"/v1/nominals/{person}/schedule?as_of=2025-03-01"
    assert _asks("nominal", "crime:N-42", "--as-of", "2025-03-01") == [of_person]
    [known] = _asks("crime:1", "--known-at", "2025-03-01T09:00:00+01:00")
    assert known.endswith("?known_at=2025-03-01T09%3A00%3A00%2B01%3A00")
    for_them = f"?counterfactuals=true&leave_out=third_persons&nominal={person}"
    assert _asks("crime:1", "--what-if", "--for", "crime:N-42")[0].endswith(for_them)
    assert _asks("crime:1", "crime:2", "--as-of", "2025-03-01") == [
        f"{each}?as_of=2025-03-01" for each in (first, second)
    ]
    with pytest.raises(StackError, match="'nominal' is neither a record id nor"):
        _asks("crime:1", "nominal", "crime:N-42")


def test_who_could_open_a_record_is_said_in_words():
    opening = {"role": "records_manager", "purposes": ["retention_review"], "only_with_task": True}
    told = explain._lines({**DATED, "may_open": [opening], "would_be": ["Without the report nothing."]})
    assert told[-1] == "- records manager for retention review, only with a task on it"
    assert "- Without the report nothing." in told


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        pytest.param(["explian"], 2, "There is no command 'explian'; did you mean explain?", id="command"),
        pytest.param(["xyzzy"], 2, "There is no command 'xyzzy'; there are demo, up,", id="nothing near"),
        pytest.param(["test", "nonsense"], 1, "there are unit, contract", id="level"),
        pytest.param(["up", "--only", "kafak"], 1, "There is no process 'kafak'; did you mean kafka?", id="process"),
        pytest.param(["logs", "kafka", "intake"], 1, "'intake'; did you mean intake-api?", id="log"),
        pytest.param(["token", "auditr"], 1, "did you mean auditor?", id="role"),
        pytest.param(["bench", "memry"], 2, "There is no bench 'memry'; did you mean memory?", id="bench"),
        pytest.param(["bench", "http", "--evnts=3"], 2, "'--evnts'; did you mean --events?", id="option"),
        pytest.param(["bench", "http", "--events", "0"], 2, "'0' is not a positive whole number.", id="number"),
        pytest.param(["topics", "aply"], 2, "There is no verb 'aply'; did you mean apply?", id="topics"),
        pytest.param(["publish", "x", "--from", "police"], 2, "did you mean police-uk?", id="format"),
        pytest.param(["explain", "C-1"], 1, "SOURCE_SYSTEM:SOURCE_RECORD_ID", id="record"),
    ],
)
def test_a_slip_is_answered_with_what_there_is(capsys, arguments, status, told):
    assert _status(arguments) == status
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def _status(arguments):
    try:
        return main.main(arguments)
    except SystemExit as ended:  # As `argparse` refuses.
        return ended.code


def test_the_end_of_a_log_is_as_long_as_was_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(logs, "LOCAL", Paths(tmp_path))
    assert main.main(["logs"]) == 1
    assert "no log yet" in capsys.readouterr().err

    Paths(tmp_path).make()
    (tmp_path / "logs" / "kafka.log").write_text("one\ntwo\nthree\n")
    for lines, shown in (("2", "two\nthree\n"), ("0", ""), ("9", "one\ntwo\nthree\n")):
        assert main.main(["logs", "kafka", "-n", lines]) == 0
        assert capsys.readouterr().out == shown

    (tmp_path / "logs" / "postgres.log").write_text("four\n")
    assert main.main(["logs", "postgres", "kafka", "postgres", "-n", "1"]) == 0
    assert capsys.readouterr().out == "postgres         | four\nkafka            | three\n"
