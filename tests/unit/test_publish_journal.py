"""How far a file has come is kept whole or not at all, and what cannot be read or kept is said."""

import pytest

from tools.adapters.journal import Journals, Progress
from tools.adapters.receipts import Tally
from tools.cli import backload
from tools.cli.status import _of_backload


@pytest.fixture
def journal(tmp_path):
    said: list[str] = []
    file = tmp_path / "events.jsonl"
    file.write_text("one\n")
    kept = Journals(tmp_path / "kept", "broker", "jsonl", said.append).of(file)
    return kept, said


def test_what_was_kept_is_read_again(journal):
    kept, said = journal
    tally = Tally(3)
    tally.outcomes.update(accepted=1, quarantined=1)
    tally.reasons["required_missing", "/content/x", "It is required."] = 1
    progress = Progress({("records.events.v1", 3, 7)}, {0: 12, 5: 9}, tally)

    assert kept.load() == Progress()
    kept.save(progress, now=True)
    assert kept.load() == progress
    assert kept.load().sent == 3
    kept.forget()
    assert kept.load() == Progress()
    assert said == []


def test_another_file_another_broker_or_another_mapping_is_another_publication(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    places = {
        Journals(tmp_path, where, how, print).of(file).path
        for where in ("here", "there")
        for how in ("csv 1", "csv 2")
        for file in (one, other)
    }
    assert len(places) == 8
    other.write_text("1")
    assert Journals(tmp_path, "here", "csv 1", print).of(other).path in places, "the same by any name"


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "published": "x"}'])
def test_what_cannot_be_read_counts_for_nothing_and_is_said(journal, text):
    kept, said = journal
    kept.path.parent.mkdir()
    kept.path.write_text(text)

    assert kept.load() == Progress()
    assert [sentence.partition(" (")[0] for sentence in said] == [
        f"The progress kept in {kept.path} cannot be read; events.jsonl is published from its start."
    ]


def test_a_folder_that_cannot_be_written_to_is_said_once_and_stops_nothing(journal):
    kept, said = journal
    kept.path.parent.write_text("a file where the folder should be")

    kept.save(Progress(), now=True)
    kept.save(Progress(), now=True)
    assert len(said) == 1
    assert "Progress cannot be kept" in said[0]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"paused": False, "state": "alone"}, "The back-load reads all it can: no live events come."),
        ({"paused": True, "state": "alone"}, "The back-load is paused."),
        ({"paused": False, "state": None}, "The back-load is read by nobody"),
    ],
)
def test_the_state_of_a_back_load_is_said_in_words(found, told):
    nobody: dict = {"changed_at": None, "changed_by": None, "unread": 0, "live": 0, "undated": None}
    rest = {**nobody, "oldest_seconds": None, "away": []}
    sentences = backload.sentences({**rest, **found})

    assert sentences[0].startswith(told)
    assert backload.HOLDS_DISPOSAL not in sentences
    assert backload.HOLDS_DISPOSAL in backload.sentences({**rest, **found, "unread": 1})
    assert "Messages that retention has yet to work through: 4,001." in backload.sentences(
        {**rest, **found, "undated": 4_001, "unread": 1}
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            '{"backload": {"state": "sharing", "unread": 1200}}',
            "; back-load sharing, 1,200 unread: nothing is disposed of",
        ),
        ('{"backload": {"state": "paused", "unread": 0}}', "; back-load paused"),
        ('{"backload": {"state": "alone", "unread": 0}}', ""),
        ('{"status": "ready"}', ""),
        ("", ""),
    ],
)
def test_status_says_what_a_back_load_does_where_there_is_one(said, told):
    assert _of_backload(said).startswith(told)
    assert bool(_of_backload(said)) == bool(told)
