"""Manifests as values: periods, digests, comparison."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.manifests import (
    DIFFERS,
    GRACE,
    MATCHED,
    Came,
    Period,
    compare,
    counted_at,
    digest_of,
    is_early,
    manifest_id,
    manifest_reasons,
    missing_of,
    period_of,
)
from services.intake.domain.refused import Refused
from services.intake.domain.shapes import Manifest

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def said(from_="2026-03-01", to="2026-03-01", *ids, **changes):
    whole = {"source_system": "crime", "from_": from_, "to": to, "count": len(ids), "digest": digest_of(ids)}
    return Manifest(**{**whole, "ids": list(ids), **changes})


@pytest.mark.parametrize(
    ("from_", "to", "begins", "ends"),
    [
        pytest.param(
            "2026-03-01", "2026-03-01", "2026-03-01T00:00Z", "2026-03-02T00:00Z", id="a day, its last included"
        ),
        pytest.param("2026-03-28", "2026-03-29", "2026-03-28T00:00Z", "2026-03-29T23:00Z", id="a day of 23 hours"),
        pytest.param("2026-10-25", "2026-10-25", "2026-10-24T23:00Z", "2026-10-26T00:00Z", id="a day of 25 hours"),
        pytest.param(
            "2026-03-01T10:00+01:00",
            "2026-03-01T10:00:00,5Z",
            "2026-03-01T09:00Z",
            "2026-03-01T10:00:00.5Z",
            id="instants",
        ),
    ],
)
def test_a_period_is_days_of_the_zone_or_instants(from_, to, begins, ends):
    period = period_of(said(from_, to), LONDON)
    assert period == (datetime.fromisoformat(begins), datetime.fromisoformat(ends))


@pytest.mark.parametrize(
    ("from_", "to", "code"),
    [
        ("2026-03-02", "2026-03-01", "period_empty"),
        ("2026-03-01T00:00Z", "2026-03-01T00:00Z", "period_empty"),
        ("2026-02-30", "2026-03-01", "impossible_date"),
        ("0001-01-01", "0001-01-02", "impossible_date"),
        ("9999-12-31", "9999-12-31", "impossible_date"),
        ("0001-01-01T00:00+14:00", "2026-03-01T00:00Z", "impossible_date"),
        ("2026-03-01", "2026-03-01T10:00Z", "partial_instant"),
        ("2026-03-01T10:00", "2026-03-01T10:00Z", "partial_instant"),
        ("2026-02-30T10:00Z", "2026-03-01T10:00Z", "impossible_instant"),
        ("2026-03", "2026-04", "period_unreadable"),
        ("2026-W09-7T10:00Z", "2026-03-01T10:00Z", "period_unreadable"),
        ("2025-01-01", "2026-03-01", "period_too_long"),
        ("yesterday", "today", "period_unreadable"),
    ],
)
def test_what_is_no_period_is_refused_with_its_code(from_, to, code):
    with pytest.raises(Refused) as refused:
        period_of(said(from_, to), LONDON)
    assert refused.value.reason.code == code


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (None, NOW),
        ("2022-08-02T10:00:00Z", datetime(2022, 8, 2, 10, tzinfo=UTC)),
        ("2022-08-02t10:00:00z", datetime(2022, 8, 2, 10, tzinfo=UTC)),
        ("9999-12-31T23:59:60-14:00", NOW),
        ("2022-08-02T10:00:00,25+01:00", datetime(2022, 8, 2, 9, 0, 0, 250_000, UTC)),
        ("2022-08-02T10:00:00", NOW),
        ("2022-13-02T10:00:00Z", NOW),
        ("soon", NOW),
        ("9999-12-31T23:59:59-23:59", NOW),
        ("0001-01-01T00:00:00+23:59", NOW),
    ],
)
def test_an_event_counts_by_its_own_time_else_when_it_came(time, expected):
    assert counted_at(time, NOW) == expected


def test_the_digest_is_what_anyone_computes():
    assert digest_of([]) == sha256(b"").hexdigest()
    assert digest_of(["b", "a", "B"]) == sha256(b"B\na\nb").hexdigest()


def test_one_period_has_one_id_however_it_is_written():
    days = period_of(said("2026-07-01", "2026-07-01"), LONDON)
    instants = period_of(said("2026-06-30T23:00Z", "2026-07-02T01:00+02:00"), LONDON)
    assert manifest_id("urn:x", days) == manifest_id("urn:x", instants) != manifest_id("urn:y", days)


def test_a_manifest_must_agree_with_itself():
    sound = said("2026-03-01", "2026-03-01", "a", "b")
    assert list(manifest_reasons("2026-03-02T00:00:00Z", sound)) == []
    assert [each.code for each in manifest_reasons(None, said(count=5_000_001, ids=None))] == [
        "no_time",
        "too_many_events",
    ]


@given(st.sets(st.text("abc", min_size=1, max_size=3)), st.sets(st.text("abc", min_size=1, max_size=3)))
def test_named_or_not_it_matches_only_what_is_the_same(told, came):
    missing, extra = sorted(told - came), sorted(came - told)
    assert missing_of(sorted(told), came) == missing
    named = compare(
        len(told), digest_of(told), True, Came(len(came), "", tuple(missing), len(missing), tuple(extra), len(extra))
    )
    bare = compare(len(told), digest_of(told), False, Came(len(came), digest_of(came)))
    assert named.state == bare.state == (MATCHED if told == came else DIFFERS)
    assert (named.missing_count, named.extra_count) == (len(told - came), len(came - told))
    assert bare.missing_count <= named.missing_count
    assert bare.extra_count <= named.extra_count
    assert bare.arrived - bare.extra_count + bare.missing_count == len(told)


def test_a_difference_is_early_while_its_period_goes_on_or_its_events_may_be_on_their_way():
    period = Period(NOW - timedelta(days=1), NOW)
    assert is_early(DIFFERS, period, NOW - timedelta(days=2), NOW - timedelta(seconds=1))
    assert is_early(DIFFERS, period, NOW, NOW + GRACE - timedelta(seconds=1))
    assert not is_early(DIFFERS, period, NOW, NOW + GRACE)
    assert not is_early(MATCHED, period, NOW, NOW - timedelta(hours=1))
