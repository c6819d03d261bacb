"""Any CSV by a mapping: what a row becomes, which files and mappings are refused, and in what words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.ids import record_id
from tools.adapters.mapping import Mapped
from tools.adapters.mapping.cells import milliseconds
from tools.adapters.outgoing import Mistake
from tools.stack.paths import ROOT

MAPPING = """
[event]
type = "tenure.record.captured.v1"
source = "urn:demo:crime"
id = {columns = ["Ref", "Version"]}
sequence = {column = "Version", kind = "integer"}
[data]
source_system = "crime"
source_record_id = {column = "Ref", required = true}
record_type = "crime_report"
occurred_on = {column = "Date", kind = "date", format = "%d/%m/%Y"}
reported_at = {column = "Reported", kind = "instant", format = "%d/%m/%Y %H:%M", zone = "Europe/London"}
restricted = {column = "Restricted", lookup = "yes_no"}
offences = {column = "Offences", split = ";"}
links = [{nominal_source = "crime", nominal_id = {column = "Suspect"}, role = "suspect"}]
content = {columns = "*", except = ["Suspect"]}
[lookup.yes_no]
Y = true
N = false
"""
HEADER = "Ref,Version,Date,Reported,Restricted,Offences,Suspect,Free text"
ROW = "01/22,2,01/08/2022,01/08/2022 22:10,N,28/11; 30/1,N-42,Seen at noon"


def events(tmp_path: Path, file: str | bytes, mapping: str = MAPPING):
    (tmp_path / "map.toml").write_text(mapping)
    path = tmp_path / "file.csv"
    path.write_bytes(file if isinstance(file, bytes) else file.encode())
    return list(Mapped(tmp_path / "map.toml").read(path))


def said(tmp_path: Path, file: str | bytes, mapping: str = MAPPING) -> str:
    with pytest.raises(Mistake) as mistake:
        events(tmp_path, file, mapping)
    return str(mistake.value).replace(f"{tmp_path}/", "")


def test_a_row_becomes_the_event_that_the_mapping_says(tmp_path):
    [event] = events(tmp_path, f"{HEADER}\n{ROW}\n")

    assert (event.id, event.sequence, event.source) == ("01/22:2", "2", "urn:demo:crime")
    assert event.subject == str(record_id("crime", "01/22"))
    assert json.loads(event.data) == {
        "source_system": "crime",
        "source_record_id": "01/22",
        "record_type": "crime_report",
        "occurred_on": "2022-08-01",
        "reported_at": "2022-08-01T22:10+01:00",
        "restricted": False,
        "offences": ["28/11", "30/1"],
        "links": [{"nominal_source": "crime", "nominal_id": "N-42", "role": "suspect"}],
        "content": {
            "ref": "01/22",
            "version": "2",
            "date": "01/08/2022",
            "reported": "01/08/2022 22:10",
            "restricted": "N",
            "offences": "28/11; 30/1",
            "free_text": "Seen at noon",
        },
    }


def test_an_empty_cell_is_a_value_not_given(tmp_path):
    [event] = events(tmp_path, f"{HEADER}\n01/22,2,,,, ,,\n")

    assert json.loads(event.data) == {
        "source_system": "crime",
        "source_record_id": "01/22",
        "record_type": "crime_report",
        "content": {"ref": "01/22", "version": "2"},
    }


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(f"\ufeff{HEADER}\n{ROW}\n".encode(), id="a byte order mark"),
        pytest.param(f"{HEADER}\r\n{ROW}\r\n".encode(), id="CRLF"),
        pytest.param(f"{HEADER}\n\n{ROW}\n\n,,,,,,,\n".encode(), id="empty lines, and one of commas alone"),
        pytest.param(f"{HEADER}\n{ROW}".encode(), id="no line end at the end"),
        pytest.param(f" {HEADER.replace(',', ' , ')}\n{ROW}".encode(), id="spaces around the columns' names"),
    ],
)
def test_what_spreadsheets_do_to_a_file_changes_no_event(tmp_path, file):
    assert events(tmp_path, file) == events(tmp_path, f"{HEADER}\n{ROW}\n")


def test_a_quoted_cell_may_hold_lines_and_what_follows_it_has_its_own_line(tmp_path):
    row = ROW.replace("Seen at noon", '"Seen\nat ""noon"""')
    [event] = events(tmp_path, f"{HEADER}\n{row}\n")

    assert json.loads(event.data)["content"]["free_text"] == 'Seen\nat "noon"'
    assert said(tmp_path, f"{HEADER}\n{row}\nonly,two\n").startswith("file.csv, line 4: 2 cells, the header has 8: ")


def test_bytes_of_another_encoding_are_refused_and_read_where_the_mapping_says_so(tmp_path):
    file = f"{HEADER}\n{ROW}\n".replace("noon", "caf\xe9").encode("latin-1")

    assert said(tmp_path, file) == (
        'file.csv, line 2: not utf-8: save the file so, or write encoding = "latin-1" or "windows-1252" '
        "under [file] of the mapping."
    )
    [event] = events(tmp_path, file, '[file]\nencoding = "latin-1"\n' + MAPPING)
    assert json.loads(event.data)["content"]["free_text"] == "Seen at caf\xe9"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        pytest.param("", "line 1: the file is empty", id="empty"),
        pytest.param(f"{HEADER},Ref\n", "line 1: columns 1 and 9 share their names", id="duplicate header"),
        pytest.param(f"{HEADER},\n", "line 1: column 9 has no name", id="nameless column"),
        pytest.param("Ref,Version\n", "line 1: the column 'Date' is missing; the column 'Offences' is", id="missing"),
        pytest.param(f"{HEADER}\n{ROW},more\n", "line 2: 9 cells, the header has 8", id="too many cells"),
        pytest.param(f'{HEADER}\n{ROW}\n"01/23,1\n', "line 3: not CSV (unexpected end of data)", id="open quote"),
        pytest.param(f"{HEADER}\n{ROW}\0\n", "line 2: a cell holds a NUL character", id="NUL"),
        pytest.param(f"{HEADER}\n{ROW.replace('01/08/2022,', '31/02/2022,')}\n", "line 2: 'Date' is not", id="no day"),
        pytest.param(f"{HEADER}\n{ROW.replace(',N,', ',P,')}\n", "'Restricted' holds a value that", id="lookup"),
        pytest.param(
            f"{HEADER}\n{ROW.replace('01/22', '')}\n",
            "'Ref' is empty: fill it in",
            id="required",
        ),
        pytest.param(f"{HEADER}\n{ROW.replace('01/22', 'a b')}\n", "'Ref + Version' is no event id", id="id"),
        pytest.param(f"{HEADER}\n{ROW.replace(',2,', ',zwei,')}\n", "'Version' is not a whole number", id="integer"),
        pytest.param(f"{HEADER}\n{ROW.replace(',2,', ',0,')}\n", "the sequence is empty or below 1", id="sequence"),
        pytest.param(
            f"{HEADER}\n{ROW.replace('01/08/2022 22:10', '27/03/2022 01:30')}\n",
            "'Reported' is a time that the clocks of Europe/London leave out",
            id="an hour that is not",
        ),
    ],
)
def test_a_file_that_cannot_be_used_names_line_and_mend(tmp_path, file, sentence):
    assert sentence in said(tmp_path, file)


def test_no_refusal_quotes_a_cell(tmp_path):
    row = ROW.replace(",N,", ",SECRET,")
    assert "SECRET" not in said(tmp_path, f"{HEADER}\n{row}\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[event]", "[evnt]"), "the mapping: the key 'evnt' is not known: did you mean 'event'?"),
        (('column = "Date"', 'colunm = "Date"'), "[data].occurred_on: says how to read a cell and not of which column"),
        (
            ("captured.v1", "captrued.v1"),
            "there is no type 'tenure.record.captrued.v1': did you mean tenure.record.captured.v1?",
        ),
        (
            ('kind = "date"', 'kind = "day"'),
            "[data].occurred_on: kind is not one of text, integer, date, month, instant.",
        ),
        (('%d/%m/%Y"', '%d/%m/%y"'), "[data].occurred_on: format: %y leaves the century to a guess"),
        (("%H:%M", "%H"), "[data].reported_at: format: a instant needs %M"),
        (
            (', zone = "Europe/London"', ""),
            "[data].reported_at: format: an instant has either %z in its format or a zone",
        ),
        (("Europe/London", "Europe/Londn"), "there is no time zone 'Europe/Londn'"),
        (('lookup = "yes_no"', 'lookup = "yesno"'), "there is no lookup 'yesno': write it as [lookup.yesno]."),
        (('id = {columns = ["Ref", "Version"]}', 'id = "line"'), "[event] id: write id = {columns"),
        (('sequence = {column = "Version", kind = "integer"}\n', ""), "[event]: sequence is missing"),
        (('kind = "integer"}', 'kind = "date"}'), '[event] sequence: is made of kind = "integer" or "instant".'),
        (
            ("record.captured", "contact.recorded"),
            "[event] sequence: tenure.contact.recorded.v1 carries none: take it out.",
        ),
        (('"crime_report"', "1.5"), "[data].record_type: is neither text, whole number"),
        (
            ("[event]", '[file]\nencoding = "utf-16"\n[event]'),
            "[file] encoding: is not one of utf-8, latin-1, windows-1252.",
        ),
        (("[event]", "[event"), "not TOML"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_key_before_a_row_is_read(tmp_path, change, sentence):
    assert MAPPING.count(change[0]) >= 1
    found = said(tmp_path, "no CSV at all", MAPPING.replace(*change, 1))

    assert sentence in found
    assert found.startswith("map.toml: ")


def test_every_mistake_is_told_at_once(tmp_path):
    broken = (
        MAPPING.replace('"yes_no"', '"other"').replace('%d/%m/%Y"', '%d/%m"').replace("[event]", "[event]\nkey = 1")
    )

    assert said(tmp_path, "", broken).count("map.toml: ") == 3


def test_rows_without_a_name_of_their_own_are_named_by_all_that_they_say(tmp_path):
    mapping = MAPPING.replace('{columns = ["Ref", "Version"]}', '"row"')
    other = ROW.replace("noon", "one")
    first, again, third = events(tmp_path, f"{HEADER}\n{ROW}\n{ROW}\n{other}\n", mapping)

    assert first == again, "rows that say the same are one event"
    assert third.id != first.id
    swapped = ",".join(reversed(HEADER.split(",")))
    [moved] = events(tmp_path, f"{swapped}\n{','.join(reversed(ROW.split(',')))}\n", mapping)
    assert moved.id == first.id, "the order of the columns says nothing"


def test_facts_about_a_record_name_it_by_its_id_and_instants_make_sequences(tmp_path):
    closed = """
[event]
type = "tenure.trigger.recorded.v1"
source = "urn:demo:crime"
id = {columns = ["Ref"], prefix = "closed:"}
time = {column = "Closed", kind = "instant"}
[data]
record_id = {record_of = {source_system = "crime", source_record_id = {column = "Ref"}}}
trigger = "closed"
on = {column = "Month", kind = "month", format = "%b %Y"}
precision = "month"
"""
    [event] = events(tmp_path, "Ref,Closed,Month\n01/22,2022-08-01T10:05:00Z,Aug 2022\n", closed)

    assert event.id == "closed:01/22"
    assert event.time == "2022-08-01T10:05:00Z"
    assert event.sequence is None
    assert event.key == str(record_id("crime", "01/22"))
    assert json.loads(event.data)["on"] == "2022-08"
    assert milliseconds("2022-08-01T11:05:00+01:00") == 1_659_348_300_000


def test_of_an_hour_that_comes_twice_the_first_is_meant(tmp_path):
    [event] = events(tmp_path, f"{HEADER}\n{ROW.replace('01/08/2022 22:10', '30/10/2022 01:30')}\n")

    assert json.loads(event.data)["reported_at"] == "2022-10-30T01:30+01:00"


def test_a_name_that_is_partly_empty_names_no_event(tmp_path):
    row = ROW.replace(",2,", ", ,")

    assert "'Ref + Version' is partly empty: fill it in" in said(tmp_path, f"{HEADER}\n{row}\n")


def test_the_example_of_the_page_is_sound(tmp_path):
    mapped = Mapped(ROOT / "docs" / "examples" / "crime.map.toml")
    found = list(mapped.read(ROOT / "docs" / "examples" / "crime.csv"))

    assert [event.id for event in found] == ["CSV-22-0001:1", "CSV-22-0001:2", "CSV-22-0002:1"]


WHOLE = """
import resource, sys
from pathlib import Path
from tools.adapters.mapping import Mapped
mapped = Mapped(Path(sys.argv[1]))
count = sum(1 for _ in mapped.read(Path(sys.argv[2])))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.soak
def test_a_file_of_100_mb_is_read_in_flat_memory(tmp_path):
    small, large = memory_of(tmp_path, 2_000), memory_of(tmp_path, 170_000)

    assert large < small + 8_000, "kilobytes"


def memory_of(tmp_path: Path, rows: int) -> int:
    (tmp_path / "map.toml").write_text(MAPPING)
    path = tmp_path / f"{rows}.csv"
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for number in range(rows):
            file.write(ROW.replace("01/22", f"01/{number}") + " " + "and nothing came of it. " * 22 + "\n")
    ran = subprocess.run(
        [sys.executable, "-c", WHOLE, str(tmp_path / "map.toml"), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    count, kilobytes = map(int, ran.stdout.split())
    assert count == rows
    return kilobytes
