"""The published schema of a pack takes what the reader takes, and refuses what it refuses of tables and keys."""

import json
import tomllib
from datetime import date, time
from pathlib import Path

import jsonschema
import pytest

from shared.policy import BadPack, read_pack
from shared.policy.published import pack_schema

POLICY = Path(__file__).parents[2] / "policy"
TEXT = (POLICY / "demonstration.toml").read_text()
SCHEMA = jsonschema.Draft202012Validator(pack_schema(), format_checker=jsonschema.FormatChecker())


def as_json(text: str):
    """What TOML has and JSON has not is its text."""
    return json.loads(json.dumps(tomllib.loads(text), default=_text))


def _text(value: object) -> str:
    assert isinstance(value, date | time)
    return value.isoformat()


@pytest.mark.parametrize("name", ["default.toml", "demonstration.toml"])
def test_the_packs_are_as_the_schema_says(name):
    assert list(SCHEMA.iter_errors(as_json((POLICY / name).read_text()))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('retain = "6y"', 'retain = "6 years"', id="period"),
        pytest.param('retain = "6y"', 'retian = "6y"', id="key"),
        pytest.param("[limits]", "[limit]", id="table"),
        pytest.param("lead_days = 90", "lead_days = -1", id="number"),
        pytest.param('evidence = "partly"', "", id="needed key"),
        pytest.param("years = 100", 'years = "100"', id="inner table"),
        pytest.param('mode = "live"', 'mode = "on"', id="choice"),
        pytest.param("review_at = [18, 25]", "review_at = 18", id="list"),
        pytest.param('{trigger = "convicted"', '{triggers = "convicted"', id="start"),
        pytest.param('title = "Crime report"', 'title = " "', id="text of nothing"),
        pytest.param('roles = ["suspect", "offender", "subject"] # Of', 'roles = "subject" # Of', id="one text"),
        pytest.param("on = 2020-01-01}", 'on = "some day"}', id="date"),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(old, new):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    with pytest.raises(BadPack):
        read_pack(text.encode(), "bad.toml")
    assert list(SCHEMA.iter_errors(as_json(text))) != []
