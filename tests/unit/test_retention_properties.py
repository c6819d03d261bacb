"""What holds of every life, whatever it is: of no order, in no zone, by nobody else's record, and never early."""

import os
import time
from dataclasses import replace
from datetime import date, timedelta

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from shared.calendar_rules import Period
from shared.policy import Pack
from tests.oracle.days import Day, end_of, written
from tests.oracle.draw import life
from tests.oracle.lives import Event, Life
from tests.oracle.packs import PACKS
from tests.oracle.program import schedules
from tests.oracle.verdict import asked

ZONES = ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Europe/London", "Asia/Kathmandu"]
LIVES = st.builds(life, st.integers(0, 2**31).map(str), st.sampled_from(list(PACKS.values())))
DAYS = st.dates(date(1990, 1, 1), date(2040, 1, 1)).map(date.isoformat)


@pytest.fixture
def of_any_life(seed):
    """Give a function that tries a law on so many lives."""

    def try_all(law, *more, lives: int = 150) -> None:
        tried = hypothesis.given(LIVES, *more)(law)
        hypothesis.seed(seed)(settings(max_examples=lives, deadline=None)(tried))()

    return try_all


def with_more(drawn: Life, *events: Event) -> Life:
    return Life(drawn.pack, (*drawn.events, *events), drawn.told)


def taken_back(event: Event) -> Event:
    return Event(f"w{event.id}", "withdrawal", record=event.record, person=event.person, of=event.id)


def same(drawn: Life, *events: Event) -> None:
    """Require that more events move nothing of what was there."""
    before, after = schedules(drawn), schedules(with_more(drawn, *events))
    assert {record: after[record] for record in before} == before


def test_no_order_matters(of_any_life):
    def law(drawn, chance):
        again = list(drawn.events)
        chance.shuffle(again)
        assert schedules(Life(drawn.pack, tuple(again))) == schedules(drawn)

    of_any_life(law, st.randoms(use_true_random=False))


def test_a_record_of_others_never_moves_a_date(of_any_life):
    def law(drawn, on):
        state = {"record_type": "crime_report", "source_system": "crime", "offences": ["1"], "occurred_on": on}
        links = [{"nominal_source": "crime", "nominal_id": "somebody", "role": "suspect"}]
        other = Event("x1", "state", record="other", sequence=1, data={**state, "links": links})
        charged = Event("x2", "trigger", record="other", data={"trigger": "charged", "on": on})
        born = Event("x3", "person", person="somebody", sequence=1, data={"date_of_birth": "1980-01-01"})
        same(drawn, other, charged, born)

    of_any_life(law, DAYS)


def test_a_record_whose_row_follows_nobody_never_moves_a_person_s_dates(of_any_life):
    def law(drawn, on):
        links = [{"nominal_source": "crime", "nominal_id": each, "role": "suspect"} for each in drawn.persons]
        state = {"record_type": "stop_and_search", "source_system": "stops", "offences": ["1"], "occurred_on": on}
        same(drawn, Event("x1", "state", record="other", sequence=1, data={**state, "links": links}))

    of_any_life(law, DAYS)


def test_a_reset_withdrawn_was_never_there(of_any_life):
    def law(drawn, on):
        reset = Event("x1", "contact", person=drawn.persons[0], data={"kind": "new_offence", "on": on})
        charge = Event("x2", "trigger", record=drawn.records[0], data={"trigger": "charged", "on": on})
        taken_back = [
            Event(f"w{e.id}", "withdrawal", record=e.record, person=e.person, of=e.id) for e in (reset, charge)
        ]
        same(drawn, reset, charge, *taken_back)

    of_any_life(lambda drawn, on: law(drawn, on) if drawn.persons and drawn.records else None, DAYS)


def test_a_merge_undone_was_never_there(of_any_life):
    def law(drawn):
        if len(drawn.persons) < 2:
            return
        into, gone = drawn.persons[:2]
        merge = Event("x1", "merged", person=into, other=gone, received="2030-01-01")
        same(drawn, merge, Event("x2", "unmerged", person=into, of="x1", received="2030-01-02"))

    of_any_life(law)


def test_nothing_is_ever_early_or_out_of_sight(of_any_life):
    def law(drawn):
        _, wholes = asked(drawn)
        for record, found in schedules(drawn).items():
            assert found.review_on
            assert (found.state == "exception") == (found.problem is not None) == (found.owner is not None)
            if found.actionable_from:
                assert found.state == "current"
                assert found.actionable_from == found.keep_until + timedelta(days=1)
                assert found.open_on < found.actionable_from
                assert wholes.by_files(record) or found.keep_until >= earliest(drawn.pack, found)

    of_any_life(law)


def earliest(pack: Pack, found) -> date:
    """Give the day before which nothing may go: its clock's start and the period from then."""
    period = pack.groups[found.group].clear if found.group else pack.rows[found.row].retain
    floor = found.floor_until if not pack.prevails else None  # Whoever prevails brings their own row's floors.
    if found.clock_on is None or period is None or pack.rows[found.row].statutory:
        return floor or date.min
    year, month, day = end_of((found.clock_on.year, found.clock_on.month, found.clock_on.day), period, pack.leap)
    return max(date(year, month, min(day, 28)), floor or date.min)


def test_a_longer_period_never_gives_an_earlier_day(of_any_life):
    def law(drawn, months):
        longer = schedules(Life(lengthened(drawn.pack, months), drawn.events))
        for record, found in schedules(drawn).items():
            assert longer[record].state == found.state
            assert (longer[record].keep_until is None) == (found.keep_until is None)
            if found.keep_until:
                assert longer[record].keep_until >= found.keep_until

    of_any_life(law, st.sampled_from([1, 11, 12, 48]))


def lengthened(pack: Pack, months: int) -> Pack:
    """Make every period of a pack so much longer."""

    def more(period: Period | None) -> Period | None:
        if period is None or period.days:
            return period and Period(days=period.days + 31 * months)
        return Period(months=period.months + months)

    rows = {id_: replace(row, retain=more(row.retain)) for id_, row in pack.rows.items()}
    groups = {
        id_: replace(each, clear=more(each.clear), cadence=more(each.cadence)) for id_, each in pack.groups.items()
    }
    floors = {id_: replace(floor, add=more(floor.add)) for id_, floor in pack.floors.items()}
    return replace(pack, rows=rows, groups=groups, floors=floors, backstop=more(pack.backstop))


@pytest.fixture
def in_zone(monkeypatch):
    """Give a function that puts this host into a zone."""

    def go(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield go
    monkeypatch.undo()
    time.tzset()


def test_the_host_s_zone_does_not_matter(in_zone, rng):
    drawn = [life(str(rng.random()), pack) for pack in PACKS.values() for _ in range(12)]
    found = []
    for zone in ZONES:
        in_zone(zone)
        assert os.environ["TZ"] == zone
        found.append([schedules(each) for each in drawn])
    assert all(each == found[0] for each in found)


STOP = {"record_type": "first", "source_system": "crime", "offences": [], "links": []}


def one(pack: str, **state) -> date:
    """Date one record whose row keeps it thirteen months from `recorded_at`, else its day."""
    told = Event("e1", "state", record="r1", sequence=1, data={**STOP, **state})
    return schedules(Life(PACKS[pack], (told,)))["r1"].keep_until


@pytest.mark.parametrize(
    ("pack", "instant", "keep_until"),
    [
        pytest.param("synthetic", "2022-03-26T23:59:59Z", "2023-04-26", id="the evening before clocks go forward"),
        pytest.param("synthetic", "2022-03-27T00:59:59Z", "2023-04-27", id="the last second of winter"),
        pytest.param("synthetic", "2022-03-27T01:00Z", "2023-04-27", id="the first of summer"),
        pytest.param("synthetic", "2022-03-27T22:59:59Z", "2023-04-27", id="an hour short of that day's end"),
        pytest.param("synthetic", "2022-03-27T23:00Z", "2023-04-28", id="that day has twenty-three hours"),
        pytest.param("synthetic", "2022-10-29T22:59:59Z", "2023-11-29", id="the evening before clocks go back"),
        pytest.param("synthetic", "2022-10-29T23:00Z", "2023-11-30", id="midnight of that day"),
        pytest.param("synthetic", "2022-10-30T00:30Z", "2023-11-30", id="half past one, the first time"),
        pytest.param("synthetic", "2022-10-30T01:30Z", "2023-11-30", id="half past one, the second time"),
        pytest.param("synthetic", "2022-10-30T23:59:59Z", "2023-11-30", id="that day has twenty-five hours"),
        pytest.param("far east", "2022-03-26T09:59:59Z", "2023-04-26", id="elsewhere the day before"),
        pytest.param("far east", "2022-03-26T10:00Z", "2023-04-27", id="elsewhere the next"),
    ],
)
def test_an_instant_counts_on_the_day_it_had_in_the_pack_s_zone(pack, instant, keep_until):
    assert one(pack, recorded_at=instant).isoformat() == keep_until


@pytest.mark.parametrize(
    ("pack", "start", "keep_until"),
    [
        pytest.param("synthetic", "2023-01-29", "2024-02-29", id="to a leap day"),
        pytest.param("synthetic", "2022-01-29", "2023-02-28", id="to a February without one"),
        pytest.param("synthetic", "2024-02-29", "2025-03-29", id="from a leap day to another month"),
        pytest.param("far east", "2022-01-29", "2023-02-28", id="only a leap day is for the leap rule"),
    ],
)
def test_the_end_of_february_is_never_early(pack, start, keep_until):
    assert one(pack, occurred_on=start).isoformat() == keep_until


@pytest.mark.parametrize(("pack", "keep_until"), [("synthetic", "2025-02-28"), ("far east", "2025-03-01")])
def test_a_leap_day_s_anniversary_is_policy_s(pack, keep_until):
    when: Day = (2024, 2, 29)
    assert one(pack, record_type="all", occurred_on=written(when)) is None
    happened = [
        Event(f"t{name}", "trigger", record="r1", data={"trigger": name, "on": written(when)})
        for name in ("closed", "expired")
    ]
    told = Event(
        "e1", "state", record="r1", sequence=1, data={**STOP, "record_type": "all", "occurred_on": written(when)}
    )
    found = schedules(Life(PACKS[pack], (told, *happened)))["r1"]
    assert found.keep_until.isoformat() == keep_until


def test_the_lives_tried_are_not_all_alike():
    found = [each for number in range(60) for each in schedules(life(f"alike {number}", PACKS["synthetic"])).values()]
    assert len({each.keep_until for each in found}) > 30
    assert {"current", "exception"} <= {each.state for each in found}
