"""Random lives, dated by the program and by the oracle: two implementations of one page, to the day."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest

from shared.calendar_rules import Period
from shared.policy import Pack, read_pack
from tests.make_facts import PACK, POLICY_TEXT
from tests.oracle import days
from tests.oracle.draw import life
from tests.oracle.files import own_day
from tests.oracle.lives import Life
from tests.oracle.packs import PACKS
from tests.oracle.program import disagreements, explained
from tests.oracle.verdict import asked, judge
from tests.oracle.wholes import Wholes

LIVES, SOAKED = 2_000, 100_000
AT_ONCE = 500  # So that the levels side by side share the work.


def pack_of(number: int) -> Pack:
    return list(PACKS.values())[number % len(PACKS)]


def agree(seed: int, first: int, count: int) -> None:
    for number in range(first, first + count):
        drawn = life(f"{seed} {number}", pack_of(number))
        if disagreements(drawn):
            pytest.fail(explained(drawn))


@pytest.mark.parametrize("first", range(0, LIVES, AT_ONCE))
def test_the_program_and_the_oracle_agree(seed, first):
    agree(seed, first, AT_ONCE)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(LIVES, SOAKED, 7_000))
def test_they_agree_on_very_many_lives(seed, first):
    agree(seed, first, 7_000)


def test_what_is_drawn_is_of_every_kind():
    lives = [life(f"kinds {number}", pack_of(number)) for number in range(1_500)]
    found = Counter(
        mark for each in lives for verdict in judge(each).values() for mark in (verdict.state, verdict.group)
    )
    assert {"current", "exception", "permanent", "G1", "G2", "G3", None} <= found.keys()
    assert min(found.values()) > 10
    kinds = Counter(event.kind for each in lives for event in each.events)
    assert {
        "state",
        "error",
        "person",
        "trigger",
        "contact",
        "decision",
        "override",
        "moved",
        "withdrawal",
        "merged",
        "unmerged",
    } <= kinds.keys()
    assert any((event.data.get("occurred_on") or "").endswith("-02-29") for each in lives for event in each.events)


def of_files(wholes: Wholes, record: str) -> Iterator[str]:
    """Name what a record shows of case files."""
    own, files, told = wholes.own[record], wholes.files.of(record), wholes.files.told[record]
    kept, refusal = wholes.kept(record), wholes.files.refusal(record)
    if refusal:
        yield "part of itself" if record in told.shown.part_of else refusal
    if not (files or wholes.must_be_dated(record)):
        return
    alone = max((each.last for each in own.counted if each.last), default=None)
    marks = {
        "in several files": len(files) > 1,
        "a file in a file": files and wholes.files.parts(record),
        "waits for its file": kept.state == "current" and files and kept.last and kept.last != alone,
        "waits for a part": kept.state == "current" and not files and kept.last and kept.last != alone,
        "for ever by another": kept.permanent and not any(each.permanent for each in own.counted),
        "an exception by another": kept.state == "exception" and not (own.lacks_anything or refusal),
        "dated by files alone": kept.last and wholes.by_files(record),
        "as its file": kept.last and own.as_file,
        "dated by persons": kept.last and kept.prevails.group,
        "closed, and opened by a part": told.opened and any(told.opened > day for _, day in closings(told)),
        "withdrawn": told.withdrawn,
        "withdrawn, and opens nothing": told.withdrawn and any(late_for(wholes, record, each) for each in files),
        "moved": told.moves,
        "overridden": any(each.rule.by == "override" for each in own.counted),
    }
    for mark, found in marks.items():
        if found:
            yield f"{'part' if files else 'file'}: {mark}"


def late_for(wholes, record, file):
    on = own_day(wholes.files.told[record])
    return any(on and on > day for _, day in closings(wholes.files.told[file]))


def closings(told):
    if not told.late_parts_open_it:
        return []
    return [pair for pair in told.happened("trigger") if pair[0].data["trigger"] == "closed"]


def test_case_files_of_every_kind_are_drawn():
    lives = [life(f"kinds {number}", pack_of(number)) for number in range(5_000)]
    wholes = [asked(each)[1] for each in lives]
    found = Counter(mark for each in wholes for record in each.own for mark in of_files(each, record))
    both = ("an exception by another", "for ever by another", "dated by persons", "withdrawn", "moved", "overridden")
    kinds = {f"{end}: {mark}" for end in ("part", "file") for mark in both} | {
        "the file has not come",
        "dated after the file was closed",
        "nobody can tell whether it came in time",
        "part of itself",
        "part of itself, or in a circle",
        "part: in several files",
        "part: a file in a file",
        "part: waits for its file",
        "part: dated by files alone",
        "part: as its file",
        "file: waits for a part",
        "part: withdrawn, and opens nothing",
        "file: closed, and opened by a part",
    }
    assert {mark for mark in kinds if found[mark] <= 3} == set()


def test_a_day_s_difference_is_found():
    """A program that kept stops a day longer would be found out."""
    other = read_pack(POLICY_TEXT.replace(b'retain = "7y"', b'retain = "2558d"'), "other.toml")
    for number in range(1_000):
        drawn = life(f"stops {number}", PACK)
        if judge(drawn) != judge(Life(other, drawn.events)):
            return
    raise AssertionError("No life shows a stop's period.")


@pytest.mark.parametrize(
    ("start", "period", "last"),
    [
        ("2022-01-31", "1m", "2022-02-28"),
        ("2024-02-29", "1y", "2025-02-28"),
        ("2024-02-29", "4y", "2028-02-29"),
        ("2023-02-28", "1y", "2024-02-28"),
        ("2022-08-31", "6m", "2023-02-28"),
        ("2022-12-31", "31d", "2023-01-31"),
        ("2022-03-26", "24h", "2022-03-27"),
        ("1899-12-31", "100y", "1999-12-31"),
        ("2000-02-28", "100y", "2100-02-28"),
    ],
)
def test_the_oracle_counts_as_a_person_would(start, period, last):
    counted = days.last_day_of(days.read_civil(start), Period.parse(period), "last_day_of_february")
    assert days.written(counted) == last


def test_the_leap_rule_is_policy_s():
    leap, year = days.read_civil("2024-02-29"), Period.parse("1y")
    assert days.last_day_of(leap, year, "first_of_march") == (2025, 3, 1)
    assert days.last_day_of(days.read_civil("2024-01-31"), Period.parse("13m"), "first_of_march") == (2025, 2, 28)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2022-03-27T00:59:59Z", "Europe/London", "2022-03-27"),
        ("2022-03-26T23:59:59.9Z", "Europe/London", "2022-03-26"),
        ("2022-03-27T23:00Z", "Europe/London", "2022-03-28"),
        ("2022-10-29T23:00Z", "Europe/London", "2022-10-30"),
        ("2022-10-30T23:59:59Z", "Europe/London", "2022-10-30"),
        ("2022-08-01T00:30+01:00", "Europe/London", "2022-08-01"),
        ("2022-01-01T00:30+01:00", "Europe/London", "2021-12-31"),
        ("2022-01-01T12:00-11:00", "UTC", "2022-01-01"),
        ("2022-01-01T10:00Z", "Pacific/Kiritimati", "2022-01-02"),
        ("2022-01-01T10:59Z", "Pacific/Pago_Pago", "2021-12-31"),
        ("2021-12-31T18:15Z", "Asia/Kathmandu", "2022-01-01"),
    ],
)
def test_the_oracle_knows_the_clocks(instant, zone, day):
    assert days.written(days.day_of_instant(instant, zone)) == day


def test_the_oracle_s_calendar_is_the_world_s():
    first = date(days.FIRST_YEAR, 1, 1)
    assert [date(*day).toordinal() - first.toordinal() for day in days.CALENDAR] == list(range(len(days.CALENDAR)))
