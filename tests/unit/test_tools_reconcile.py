"""`tenure reconcile`: what it says of accounts, silent sources and lags."""

import argparse

import pytest

from tools.cli import reconcile
from tools.stack.errors import StackError

EVENTS = {"source": "urn:x", "received_on": "2026-03-01", "received": 3, "accepted": 3, "closes": True, "difference": 0}
SOUND = {"source": "urn:x", "overdue": [], "last_event_at": None, "last_manifest_at": None}


def asked(**changes):
    whole = {"since": None, "until": None, "source": None, "timeliness": False, "json": False}
    return argparse.Namespace(**(whole | changes))


@pytest.fixture
def answering(monkeypatch):
    """Let intake answer with these accounts and manifests."""

    def answer(events=(EVENTS,), sources=(SOUND,), manifests=()):
        def pages(service, path, role):
            if path.startswith("/v1/manifests"):
                yield list(manifests)
            elif "spread" in path:
                yield [{"lag": "reported_to_recorded", "upto_seconds": 90_000, "records": 2}]
            elif path.startswith("/v1/timeliness"):
                row = {"source": "urn:x", "lag": "reported_to_recorded", "records": 2, "late": 1}
                yield [row | {"p50_seconds": 59, "p95_seconds": 90_000, "max_seconds": None}]
            else:
                yield {"events": list(events), "records": [], "sources": list(sources)}

        monkeypatch.setattr(reconcile, "pages", pages)

    return answer


def test_accounts_that_close_are_said_to(answering, capsys):
    answering()
    assert reconcile.run(asked()) == 0
    shown = capsys.readouterr().out
    assert "Every account closes." in shown
    assert "urn:x" in shown


def test_what_does_not_close_is_said_and_told_by_the_exit_status(answering, capsys):
    differs = {"source": "urn:x", "from": "a", "to": "b", "arrived": 1, "expected": 2, "named": False}
    differs |= {"missing_count": 1, "extra_count": 0, "missing": ["id-1"], "extra": []}
    answering(
        events=[EVENTS | {"closes": False, "difference": 2}],
        sources=[SOUND | {"overdue": ["events", "manifests"]}],
        manifests=[differs],
    )
    assert reconcile.run(asked()) == 1
    shown = capsys.readouterr().out
    for words in ("no, by 2", "no events of urn:x; the last came never", "at least 1 missing", "missing id-1"):
        assert words in shown


def test_lags_are_drawn_and_named(answering, capsys):
    answering()
    assert reconcile.run(asked(timeliness=True)) == 0
    shown = capsys.readouterr().out
    for words in ("from report to record", "within 3 days", "59 s", "1.0 d"):
        assert words in shown


def test_each_length_falls_into_one_step():
    spread = [{"upto_seconds": n, "records": 1} for n in (-2, -1, 0, 60, 61, 3_600, 86_401, 10**9)]
    counts = reconcile.stepped(spread)
    assert sum(counts.values()) == len(spread)
    assert (counts["within a minute"], counts["within an hour"], counts["within 3 days"]) == (2, 2, 1)
    assert (counts["longer"], counts["not told"], counts["the wrong way round"]) == (1, 1, 1)


def test_where_intake_is_away_nobody_is_said_to_be_overdue(monkeypatch):
    def pages(service, path, role):
        raise StackError("intake does not answer")
        yield

    monkeypatch.setattr(reconcile, "pages", pages)
    assert reconcile.silent() == []


def test_no_day_and_no_number_is_cut_where_there_is_little_room(answering, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    terms = ("accepted", "duplicate", "superseded", "quarantined", "unreadable", "forbidden")
    whole = EVENTS | {"source": "urn:police-uk:stop-and-search", "received": 17_286} | dict.fromkeys(terms, 17_286)
    answering(events=[whole])
    reconcile.run(asked())
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "2026-03-01" in shown
    assert shown.count("17,286") == 7
