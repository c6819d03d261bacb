"""Accounts as values: whether they close, who is silent, and how long things took."""

from datetime import UTC, datetime, timedelta

import pytest

from services.intake.domain.accounts import of_events, of_records, sign_of
from services.intake.domain.timeliness import lags
from shared.policy import Source
from shared.policy.keys import Wanted
from shared.policy.timeliness import Timeliness, check_timeliness, lag_limits, span

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_events_close_only_if_every_outcome_agrees():
    sound = of_events([("accepted", 5, 5), ("duplicate", 2, 2)])
    assert (sound.received, sound.closes, sound.difference) == (7, True, 0)
    assert sound.terms["forbidden"] == 0
    swapped = of_events([("accepted", 6, 5), ("duplicate", 1, 2)])
    assert (swapped.received, swapped.closes, swapped.difference) == (7, False, 2)
    assert not of_events([("accepted", 0, 1)]).closes


def test_records_close_only_if_each_that_was_captured_stands_in_a_term():
    standing = {"disposed": 1, "transferred": 0, "held": 2, "on_order": 0, "active": 4}
    assert of_records(7, standing).closes
    assert (of_records(8, standing).closes, of_records(8, standing).difference) == (False, 1)


@pytest.mark.parametrize(
    ("event", "manifest", "overdue"),
    [
        (NOW, NOW, ()),
        (NOW - DAY, NOW - 2 * DAY, ()),
        (NOW - DAY - timedelta(seconds=1), NOW, ("events",)),
        (NOW, NOW - 3 * DAY, ("manifests",)),
        (None, None, ("events", "manifests")),
    ],
)
def test_a_source_is_overdue_once_it_was_silent_for_longer_than_the_pack_allows(event, manifest, overdue):
    source = Source("urn:x", "x", "p", silent_after=DAY, manifest_every=2 * DAY)
    assert sign_of(source, (event, manifest), NOW - 30 * DAY, NOW).overdue == overdue


def test_one_that_may_be_silent_is_never_overdue_and_a_new_one_has_its_time():
    assert sign_of(Source("urn:x", "x", "p"), (None, None), NOW - 30 * DAY, NOW).overdue == ()
    assert sign_of(Source("urn:x", "x", "p", silent_after=DAY), (None, None), NOW, NOW).overdue == ()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"reported_at": "2026-03-01T12:00:00Z", "recorded_at": "2026-03-02T11:00:00Z"}, (82_800, 3_600)),
        ({"recorded_at": "2026-03-02T12:00+01:00"}, (None, 3_600)),
        ({"reported_at": "2026-03-01T12:00:00Z"}, (None, None)),
        ({"reported_at": "2026-03-02T12:00:00,5Z", "recorded_at": "2026-03-02T12:00:00Z"}, (-1, 0)),
        ({"recorded_at": "2026-03-02t11:00:00.123456789z"}, (None, 3_599)),
        ({}, (None, None)),
    ],
)
def test_lags_are_whole_seconds_where_both_instants_are_told(state, expected):
    assert lags(state.get("reported_at"), state.get("recorded_at"), NOW) == expected


def test_of_a_back_load_the_receipt_says_nothing():
    assert lags("2006-03-01T12:00:00Z", "2006-03-01T13:00:00Z", None) == (3_600, None)


def test_limits_keep_the_order_of_the_pack():
    rows = (Timeliness("crime_report", "urn:x", span("12h"), span("1d")), Timeliness(reported_to_recorded=span("3d")))
    assert lag_limits(rows) == [
        ("urn:x", "crime_report", "reported_to_recorded", 43_200),
        ("urn:x", "crime_report", "recorded_to_received", 86_400),
        (None, None, "reported_to_recorded", 259_200),
    ]


@pytest.mark.parametrize("text", ["6m", "1y", "0h", "day", "1.5d", 3])
def test_a_span_is_hours_or_days(text):
    with pytest.raises(Wanted):
        span(text)


def test_a_row_that_limits_nothing_or_names_nobody_is_a_mistake():
    wrong = [what for what, _ in check_timeliness(Timeliness("x", "urn:x"), {"y"}, {"urn:y"})]
    assert wrong == [
        "record type 'x' is not in this pack",
        "source 'urn:x' is not in this pack",
        "limits nothing",
    ]
