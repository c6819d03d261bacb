"""Years and days: the edges that people argue about, by name."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import calendar_rules
from shared.calendar_rules import (
    FRACTION_DIGITS_MAX,
    LEAPS,
    Period,
    Unwritten,
    add,
    civil_day,
    day_after,
    day_of,
    days_before,
    first_day_of,
    instant_of,
)

LONDON = ZoneInfo("Europe/London")
LAST, FIRST = LEAPS
_NONE = r"not a|no month|month must|instant before|must be in|out of range|strictly between"


@pytest.mark.parametrize(
    ("text", "period"),
    [
        pytest.param("10y", Period(months=120), id="years"),
        pytest.param("6m", Period(months=6), id="months"),
        pytest.param("31d", Period(days=31), id="days"),
        pytest.param("24h", Period(days=1), id="a day of hours"),
        pytest.param("25h", Period(days=2), id="hours round up to whole days"),
    ],
)
def test_a_period_is_read(text, period):
    assert Period.parse(text) == period


@pytest.mark.parametrize("text", ["", "0y", "10", "y", "-1y", "1.5y", "10 years", "1y6m", " 1y", "١y"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(ValueError, match="not a period"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("start", "period", "leap", "end"),
    [
        pytest.param("2020-08-01", "6y", LAST, "2026-08-01", id="plain years"),
        pytest.param("2022-01-31", "1m", LAST, "2022-02-28", id="31 January + 1 month"),
        pytest.param("2022-01-31", "1m", FIRST, "2022-02-28", id="the month's end is no leap rule"),
        pytest.param("2024-01-31", "1m", LAST, "2024-02-29", id="31 January + 1 month, leap"),
        pytest.param("2022-03-31", "1m", LAST, "2022-04-30", id="31 March + 1 month"),
        pytest.param("2022-12-31", "2m", LAST, "2023-02-28", id="over the year's end"),
        pytest.param("2020-02-29", "6y", LAST, "2026-02-28", id="29 February, last day"),
        pytest.param("2020-02-29", "6y", FIRST, "2026-03-01", id="29 February, first of March"),
        pytest.param("2020-02-29", "4y", FIRST, "2024-02-29", id="29 February, leap to leap"),
        pytest.param("2000-02-29", "100y", LAST, "2100-02-28", id="2100 is no leap year"),
        pytest.param("1904-02-29", "100y", LAST, "2004-02-29", id="hundredth birthday on 29 February"),
        pytest.param("2020-02-28", "4y", LAST, "2024-02-28", id="28 February stays"),
        pytest.param("2022-08-31", "31d", LAST, "2022-10-01", id="days"),
        pytest.param("9990-01-01", "100y", LAST, "9999-12-31", id="the calendar's end"),
        pytest.param("9990-01-01", "99999d", LAST, "9999-12-31", id="the calendar's end, in days"),
    ],
)
def test_a_period_counts_from_its_original_start(start, period, leap, end):
    assert add(date.fromisoformat(start), Period.parse(period), leap) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        pytest.param("2022-08", "2022-08-01", "2022-08-31", id="a month's last day counts"),
        pytest.param("2024-02", "2024-02-01", "2024-02-29", id="a leap February"),
        pytest.param("2022-08-05", "2022-08-05", "2022-08-05", id="a day"),
        pytest.param("2022-06-30T23:00:00+00:00", "2022-07-01", "2022-07-01", id="summer: the next day in London"),
        pytest.param("2022-12-31T23:30Z", "2022-12-31", "2022-12-31", id="winter, without seconds"),
        pytest.param("2022-06-30t23:00:00z", "2022-07-01", "2022-07-01", id="small letters"),
        pytest.param(
            "2022-06-30T22:59:59,999999999999Z", "2022-06-30", "2022-06-30", id="a fraction is cut, not rounded"
        ),
        pytest.param("2016-12-31T23:59:60Z", "2017-01-01", "2017-01-01", id="a leap second is the instant after it"),
    ],
)
def test_a_written_date_is_a_civil_day(text, first, last):
    assert first_day_of(text, LONDON) == date.fromisoformat(first)
    assert day_of(text, LONDON) == date.fromisoformat(last)


@pytest.mark.parametrize(
    "text",
    [
        "2022-13",
        "2022-00",
        "2022/05",
        "2022 05",
        "2022-W01-1",
        "01/02/2023",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "2022-W31-1T10:00Z",
        "2022-08-01x10:00Z",
        "2022-08-01 10:00Z",
        "20220801T10+01",
        "2022-08-01T10Z",
        "2022-08-01T10:00",
        "2022-08-01T10:00+01",
        "2022-08-01T10:00+01:00:30",
        "2022-08-01T24:00Z",
        "2022-08-01T10:60Z",
        "2022-08-01T10:00:61Z",
        "2022-08-01T10:00+24:00",
        "2022-08-01T10:00+01:60",
        "2022-08-01T23:59:60+01:00",
        "2022-02-30T10:00Z",
        "٢٠٢٢-٠٨-٠١T10:00Z",
        "٢٠٢٢-٠٨-٠١",
        f"2022-08-01T10:00:00.{'1' * (FRACTION_DIGITS_MAX + 1)}Z",
    ],
)
def test_what_is_no_written_date_is_refused_and_not_guessed(text):
    with pytest.raises(ValueError, match=_NONE):
        day_of(text, LONDON)
    with pytest.raises(ValueError, match=_NONE):
        first_day_of(text, LONDON)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-08-01T22:10+01:00", "2022-08-01T21:10:00+00:00"),
        ("2022-08-01t22:10:00-00:30", "2022-08-01T22:40:00+00:00"),
        ("2022-08-01T22:10:00.123456789123Z", "2022-08-01T22:10:00.123456+00:00"),
        ("2022-08-01T22:10:00,5z", "2022-08-01T22:10:00.500000+00:00"),
        ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250000+00:00"),
    ],
)
def test_an_instant_is_read_to_the_microsecond(text, instant):
    assert instant_of(text) == datetime.fromisoformat(instant)


def test_what_has_not_the_form_of_an_instant_is_told_from_what_no_clock_showed():
    with pytest.raises(Unwritten):
        instant_of("2022-08-01T10:00")
    with pytest.raises(ValueError, match="leap second") as raised:
        instant_of("2022-08-01T10:00:60Z")
    assert not isinstance(raised.value, Unwritten)


def outcome(read, text):
    """Give what is read, or the kind of the refusal."""
    try:
        return read(text)
    except ValueError as error:
        return type(error)


USUAL = st.sampled_from(["2022-08-01T22:10:00Z", "2022-08-01T22:10:00+01:00", "2016-12-31T23:59:60Z"])
OTHERS = st.lists(st.tuples(st.integers(0, 24), st.sampled_from("0123456789TtZz:+-., W٢")), max_size=3)


@settings(max_examples=500, deadline=None)
@given(USUAL, OTHERS)
def test_the_quick_way_reads_as_the_careful_one_and_refuses_as_it(text, others):
    for place, character in others:
        text = text[:place] + character + text[place + 1 :]

    assert outcome(instant_of, text) == outcome(calendar_rules._instant_of, text)


def test_an_instant_without_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        civil_day(datetime(2022, 8, 1), LONDON)
    assert civil_day(datetime(2022, 7, 31, 23, 0, tzinfo=UTC), LONDON) == date(2022, 8, 1)


def test_the_calendar_has_ends():
    assert day_after(date(2022, 12, 31)) == date(2023, 1, 1)
    assert day_after(date.max) == date.max
    assert days_before(date(2022, 1, 8), 7) == date(2022, 1, 1)
    assert days_before(date.min, 7) == date.min


DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))
MONTHS = st.integers(1, 1800)


@settings(max_examples=150, deadline=None)
@given(DAYS, MONTHS, st.integers(0, 24), st.sampled_from(LEAPS))
def test_a_longer_period_never_ends_earlier(start, months, more, leap):
    assert add(start, Period(months=months), leap) <= add(start, Period(months=months + more), leap)


@settings(max_examples=150, deadline=None)
@given(DAYS, st.integers(0, 400), MONTHS, st.sampled_from(LEAPS))
def test_a_later_start_never_ends_earlier(start, later, months, leap):
    period = Period(months=months)
    assert add(start, period, leap) <= add(add(start, Period(days=later), leap), period, leap)
