"""The schedule goes into a spreadsheet and comes back without a difference, whatever spreadsheets do to files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import read_pack
from tools.cli.main import main
from tools.policy.edit import toml, with_rows
from tools.policy.plain import plain
from tools.policy.sheet import COLUMNS, BadSheet, address, read, write

POLICY = Path(__file__).parents[2] / "policy"
TEXT = (POLICY / "demonstration.toml").read_text()
PACK = read_pack(TEXT.encode(), "demonstration.toml")
SHEET = write(PACK)


def cells(sheet: bytes = SHEET) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))


def sheet(lines: list[list[str]], delimiter=",", ending="\r\n") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows(lines)
    return out.getvalue().encode()


def at(row: str, column: str) -> tuple[int, int]:
    lines = cells()
    return next(n for n, line in enumerate(lines) if line[0] == row), COLUMNS.index(column)


def with_cell(row: str, column: str, value: str) -> bytes:
    lines = cells()
    line, number = at(row, column)
    lines[line][number] = value
    return sheet(lines)


def imported(content: bytes, text: str = TEXT) -> tuple[str, list[str]]:
    pack = read_pack(text.encode(), "old.toml")
    return with_rows(text, pack, [line.keys for line in read(content)])


@pytest.mark.parametrize("name", ["default.toml", "demonstration.toml"])
def test_out_and_in_again_is_the_same_text(name):
    text = (POLICY / name).read_text()
    pack = read_pack(text.encode(), name)
    assert imported(write(pack), text) == (text, [])


@pytest.mark.parametrize(
    "habit",
    [
        pytest.param(lambda lines: sheet(lines, ";"), id="semicolons"),
        pytest.param(lambda lines: sheet(lines, "\t"), id="tabs"),
        pytest.param(lambda lines: sheet(lines, ending="\n"), id="no carriage returns"),
        pytest.param(lambda lines: sheet(lines)[:-2], id="no end of the last line"),
        pytest.param(lambda lines: sheet([*lines, [], [""] * len(COLUMNS), [" "]]), id="blank rows at the end"),
        pytest.param(lambda lines: sheet([[*line, "", ""] for line in lines]), id="blank columns at the end"),
        pytest.param(lambda lines: sheet([line[::-1] for line in lines]), id="columns in another order"),
        pytest.param(lambda lines: sheet([[name.upper() for name in lines[0]], *lines[1:]]), id="capitals"),
        pytest.param(lambda lines: b"\xef\xbb\xbf" + sheet(lines), id="a mark at the beginning"),
    ],
)
def test_what_spreadsheets_do_to_a_file_changes_nothing(habit):
    assert imported(habit(cells())) == (TEXT, [])


def test_what_changed_is_written_anew_and_nothing_else():
    text, said = imported(with_cell("R03", "retain", "7y"))
    assert said == ['row R03: retain "6y" -> "7y"']
    before, after = TEXT.splitlines(), text.splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [
        ('retain = "6y"', 'retain = "7y"')
    ]


def test_a_row_may_come_and_another_go():
    lines = cells()
    line = at("R30", "id")[0]
    note = at("R30", "note")[1]
    lines[line][0], lines[line][note] = "X30", "Another, \"quoted\"\nand broken = 'off'"
    text, said = imported(sheet(lines), TEXT.replace('row = "R30"', 'row = "R29"'))
    assert said == ["row R30: gone", "row X30: new"]
    pack = read_pack(text.encode(), "new.toml")
    assert list(pack.rows)[-1] != "X30"
    assert list(pack.rows) == [("X30" if id_ == "R30" else id_) for id_ in PACK.rows]
    assert pack.rows["X30"].note == lines[line][note]
    assert {**plain(pack.rows["X30"]), "id": "R30", "note": ""} == {**plain(PACK.rows["R30"]), "note": ""}


def test_a_confirmation_is_two_cells():
    lines = cells()
    line, by = at("R30", "confirmed_by")
    lines[line][by : by + 2] = ["D-IAO1", "2026-04-01"]
    text, said = imported(sheet(lines))
    assert said == ['row R30: confirmed nothing -> {by = "D-IAO1", on = 2026-04-01}']
    assert str(read_pack(text.encode(), "x").rows["R30"].confirmed.on) == "2026-04-01"


@pytest.mark.parametrize(
    ("row", "column", "value", "says"),
    [
        ("R03", "retain", "six years", "`retain` cannot be 'six years'; write a period like"),
        ("R03", "retain", "0y", "a period of no length is none"),
        ("R01", "confirmed_on", "01/04/2026", "write a date like 2026-04-01, in a column that is formatted as text"),
        ("R01", "confirmed_on", "46113", "write a date like 2026-04-01"),
        ("R01", "confirmed_on", "2026-02-30", "there is no such day"),
        ("R01", "confirmed_on", "", "confirmed needs who and since when"),
        ("R03", "end", "delete", "write one of review, dispose, transfer"),
        ("R03", "locked", "ja", "write yes, or leave it empty"),
        ("R58", "age", "25 years", 'write like "25 of subject, victim under 18"'),
        ("R03", "evidence", "sure", "write one of confirmed, partly, unconfirmed"),
        ("R03", "id", "", "the row has no `id`"),
        ("R03", "id", "R02", "row R02 stands in A3 already"),
    ],
)
def test_a_bad_cell_is_refused_by_its_address(row, column, value, says):
    line, number = at(row, column)
    with pytest.raises(BadSheet) as refused:
        read(with_cell(row, column, value))
    assert says in str(refused.value)
    named = "confirmed_by" if "needs who" in says else column
    assert str(refused.value).startswith(f"{address(COLUMNS.index(named), line + 1)}: ")
    assert number == COLUMNS.index(column)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("id,title\r\nR01,caf\xe9".encode("latin-1"), 'save it as "CSV UTF-8', id="not UTF-8"),
        pytest.param(b"", "A1: id, title", id="empty"),
        pytest.param(sheet([[*COLUMNS, "colour"]]), "AC1: there is no column 'colour'", id="no such column"),
        pytest.param(sheet([[*COLUMNS, "id"]]), "AC1: the column 'id' stands here twice", id="twice"),
        pytest.param(sheet([COLUMNS[:-1]]), "A1: refuses missing", id="a column gone"),
        pytest.param(sheet([COLUMNS, [*cells()[1], "x"]]), "AC2: 'x' stands under no heading", id="no heading"),
        pytest.param(SHEET + b'"R99', "no line of a CSV file", id="a quotation mark left open"),
    ],
)
def test_what_is_no_sheet_is_refused(content, says):
    with pytest.raises(BadSheet) as refused:
        read(content)
    assert says in str(refused.value)


def test_no_cell_is_a_formula():
    row = 'note = "The source gives 6 to 7 years; the longer is taken."'
    texts = ["=1+1", "+44", "-1", "@SUM(A1)", "'=quoted", "''+", "'plain", "\t=1"]
    for text in texts:
        pack_text = TEXT.replace(row, f"note = {toml(text)}", 1)
        pack = read_pack(pack_text.encode(), "x")
        out = write(pack)
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") for line in cells(out) for cell in line)
        assert imported(out, pack_text) == (pack_text, [])


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40))
def test_any_text_comes_back_as_it_was(text):
    if not text.strip():
        return
    pack_text = TEXT.replace(
        'title = "Crime report, suspect known"\ntable',
        f'title = "Crime report, suspect known"\nnote = {toml(text)}\ntable',
        1,
    )
    pack = read_pack(pack_text.encode(), "x")
    assert next(line.keys for line in read(write(pack)))["note"] == pack.rows["R01"].note == text


def test_the_command_takes_rows_out_and_in(tmp_path, capsys):
    pack, rows, new = tmp_path / "pack.toml", tmp_path / "rows.csv", tmp_path / "new.toml"
    pack.write_text(TEXT)
    assert main(["policy", "export", str(pack), "--csv", str(rows)]) == 0
    assert main(["policy", "import", str(pack), "--csv", str(rows), "--out", str(new)]) == 0
    assert "Nothing changed." in capsys.readouterr().err
    assert new.read_text() == TEXT
    rows.write_bytes(with_cell("R30", "floors", "creation; no_floor"))
    assert main(["policy", "import", str(pack), "--csv", str(rows), "--out", str(new)]) == 1
    line = at("R30", "id")[0] + 1
    assert f"A{line}: row R30: floor 'no_floor' is not in this pack" in capsys.readouterr().err
    assert new.read_text() == TEXT
    rows.write_bytes(with_cell("R30", "retain", "1 year"))
    assert main(["policy", "import", str(pack), "--csv", str(rows)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert main(["policy", "import", str(pack), "--csv", str(tmp_path / "none.csv")]) == 1
    assert "none.csv cannot be used: No such file" in capsys.readouterr().err


def test_the_command_checks_and_runs_the_examples(tmp_path, capsys):
    pack, folder = tmp_path / "pack.toml", tmp_path / "examples"
    pack.write_text(TEXT)
    assert main(["policy", "check", str(pack)]) == 0
    assert "There are no worked examples" in capsys.readouterr().out
    folder.mkdir()
    (folder / "one.toml").write_text((POLICY / "examples" / "preventing.toml").read_text())
    assert main(["policy", "check", str(pack)]) == 1
    assert "row R01 has no worked example" in capsys.readouterr().out
    pack.write_text(TEXT.replace('retain = "2y"', 'retain = "3y"'))
    assert main(["policy", "check", str(pack)]) == 1
    said = capsys.readouterr().out
    assert f"{folder}/one.toml:" in said
    assert "keep until is 2025-08-31 by hand and 2026-08-31 by the rules" in said
    pack.write_text(TEXT.replace('retain = "2y"', 'retain = "2z"'))
    assert main(["policy", "check", str(pack)]) == 1
    line = TEXT[: TEXT.index('[[row]]\nid = "R30"')].count("\n") + 1
    assert f"{pack}:{line}: row R30: `retain` cannot be used as written" in capsys.readouterr().err


def test_the_command_shows_the_table_a_row_and_a_class(capsys):
    assert main(["policy", "show"]) == 0
    said = capsys.readouterr().out
    assert all(row in said for row in PACK.rows)
    assert "…" not in said  # Where there is little room words are folded, never cut.
    assert main(["policy", "show", "R43"]) == 0
    assert "to the 21st birthday of subject or victim if under 18" in capsys.readouterr().out
    assert main(["policy", "show", str(POLICY / "demonstration.toml"), "R01"]) == 0
    assert "by D-IAO1 on 2020-01-01" in capsys.readouterr().out
    assert main(["policy", "show", "crime.child_protection.referral"]) == 0
    said = capsys.readouterr().out
    assert "R08 (from crime.child_protection)" in said
    assert "to the 18th birthday of victim, and 6 years" in said
    assert main(["policy", "show", "R100"]) == 1
    assert "did you mean R10" in capsys.readouterr().err
