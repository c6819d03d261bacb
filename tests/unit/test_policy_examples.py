"""Every row of the default pack has a life worked out by hand, and the rules come to the same day."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.policy import BadPack, read_pack
from tools.policy.examples import read_file, read_folder
from tools.policy.running import differences, without_example

POLICY = Path(__file__).parents[2] / "policy"
PACKS = [read_pack((POLICY / name).read_bytes(), name) for name in ("default.toml", "demonstration.toml")]
EXAMPLES = read_folder(POLICY / "examples")


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_every_row_has_an_example(pack):
    assert without_example(EXAMPLES, pack) == []
    assert without_example([each for each in EXAMPLES if each.row != "R19"], pack) == ["R19"]


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
@pytest.mark.parametrize(
    "example",
    EXAMPLES,
    ids=lambda example: f"{example.row} {example.title}",
)
def test_the_rules_come_to_the_day_that_was_worked_out_by_hand(example, pack):
    assert differences(example, pack) == []


def test_a_day_s_difference_is_found():
    example = next(each for each in EXAMPLES if each.row == "R03")
    later = replace(example, keep_until=example.keep_until + timedelta(days=1))
    assert [(each.what, each.expected, each.found) for each in differences(later, PACKS[0])] == [
        ("keep until", "2026-03-01", "2026-02-28")
    ]
    assert [each.what for each in differences(replace(example, row="R02", stands="kept"), PACKS[0])] == [
        "row",
        "stands",
    ]


GOOD = """[[example]]
row = "R03"
title = "A title"
asked_on = 2026-03-01
stands = "kept"
keep_until = 2026-03-02
sentence = "So."

[[example.record]]
id = "report"
links = {A = "suspect"}

[[example.person]]
id = "A"

[[example.event]]
on = 2026-02-01
trigger = "closed"
person = "A"
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("[[example.person]]\n", "[[example.persona]]\n", "`persona` is not a key", id="unknown key"),
        pytest.param('"kept"', '"keeping"', "`stands` cannot be used as written; write one of kept", id="stands"),
        pytest.param("keep_until = 2026-03-02\n", "", "does not say until which day", id="no day"),
        pytest.param('id = "A"', 'id = "B"', "links 'A', whom it does not describe", id="nobody"),
        pytest.param("on = 2026-02-01", "on = 2026-05-01", "on 2026-05-01, after the day asked", id="too late"),
        pytest.param('person = "A"', 'person = "C"', "has something happen to nobody in it", id="to nobody"),
        pytest.param("[[example]]", "[[exemple]]", "no such table", id="no such table"),
        pytest.param('row = "R03"', "row = ", "file: not TOML", id="not TOML"),
    ],
)
def test_an_example_with_a_mistake_says_where(tmp_path, old, new, says):
    (tmp_path / "good.toml").write_text(GOOD)
    assert len(read_file(tmp_path / "good.toml")) == 1
    assert old in GOOD
    (tmp_path / "bad.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(BadPack) as refused:
        read_file(tmp_path / "bad.toml")
    assert f"{tmp_path}/bad.toml:1: " in refused.value.message
    assert says in refused.value.message
