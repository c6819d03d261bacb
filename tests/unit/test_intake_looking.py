"""Who is shown what, which records are sensitive, and since when a watch counts, clock changes included."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.intake.domain.access import Asked, Verdict, judge, links_of
from services.intake.domain.alerts import off_shift_since, watching, window
from services.intake.domain.screening import MARKED, Looker, Seen, sensitive_by, stand
from shared.ids import nominal_ref
from shared.policy import BadPack, read_pack
from shared.policy.access import Screen, Sensitive, Watch
from tests.stack import POLICY

LONDON = ZoneInfo("Europe/London")
RECORD, TASK, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
RO1 = Looker("D-RO1", frozenset({"reviewing_officer"}))
PACK = read_pack(POLICY.read_bytes(), POLICY.name)


def seen(**changes) -> Seen:
    return Seen(RECORD, **changes)


def test_without_a_row_a_record_is_shown():
    assert stand(RO1, seen(), ()) == "shown"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"show": True}, "shown", id="shown"),
        pytest.param({"show": False}, "screened", id="shown to exist"),
        pytest.param({"show": False, "exists": False}, "hidden", id="not shown to exist"),
    ],
)
def test_a_row_says_how_a_record_stands(row, expected):
    assert stand(RO1, seen(), [Screen("row", **row)]) == expected


@pytest.mark.parametrize(
    ("row", "fits", "not_"),
    [
        ({"roles": {"reviewing_officer"}}, {}, None),
        ({"roles": {"auditor"}}, None, {}),
        ({"units": {"Barking"}}, {"unit": "Barking"}, {"unit": "Camden"}),
        ({"units": {"Barking"}}, {"unit": "Barking"}, {}),
        ({"record_types": {"crime_report"}}, {"record_type": "crime_report"}, {"record_type": None}),
        ({"markings": {"OFFICIAL-SENSITIVE"}}, {"marking": "OFFICIAL-SENSITIVE"}, {"marking": "OFFICIAL"}),
        ({"flags": {"mappa", "pdp"}}, {"flags": frozenset({"pdp", "x"})}, {"flags": frozenset({"x"})}),
        ({"restricted": True}, {"restricted": True}, {"restricted": False}),
        ({"restricted": False}, {"restricted": False}, {"restricted": True}),
        ({"tasked": True}, {"tasks": (TASK,)}, {}),
        ({"tasked": False}, {}, {"tasks": (TASK,)}),
        ({"units": {"U"}, "restricted": True}, {"unit": "U", "restricted": True}, {"unit": "U"}),
    ],
)
def test_a_row_speaks_of_whom_all_that_it_gives_holds(row, fits, not_):
    given = {name: frozenset(value) if isinstance(value, set) else value for name, value in row.items()}
    screens = [Screen("row", False, **given)]
    if fits is not None:
        assert stand(RO1, seen(**fits), screens) == "screened"
    if not_ is not None:
        assert stand(RO1, seen(**not_), screens) == "shown"


def test_the_first_row_that_matches_decides():
    rows = [Screen("a", True, roles=frozenset({"reviewing_officer"})), Screen("b", False, exists=False)]
    assert stand(RO1, seen(), rows) == "shown"
    assert stand(RO1, seen(), rows[::-1]) == "hidden"


def test_no_row_and_no_task_shows_a_person_their_own_file():
    rows = [Screen("everything", True)]
    assert stand(RO1, seen(staff=frozenset({"D-RO1", "P-1"}), tasks=(TASK,)), rows) == "own_file"
    assert stand(RO1, seen(staff=frozenset({"P-1"})), rows) == "shown"


@pytest.mark.parametrize(
    ("rule", "fits", "not_"),
    [
        ({"staff": True}, {"staff": frozenset({"P-1"})}, {}),
        ({"offences": frozenset({"1", "2"})}, {"offences": frozenset({"2", "9"})}, {"offences": frozenset({"9"})}),
        ({"markings": frozenset({"SECRET"})}, {"marking": "SECRET"}, {}),
        ({"flags": frozenset({"pdp"})}, {"flags": frozenset({"pdp"})}, {}),
        (
            {"record_types": frozenset({"r"}), "staff": True},
            {"record_type": "r", "staff": frozenset("P")},
            {"record_type": "r"},
        ),
    ],
)
def test_a_record_is_sensitive_where_all_that_a_rule_gives_holds(rule, fits, not_):
    rules = [Sensitive("rule", **rule)]
    assert sensitive_by(seen(**fits), rules) == ("rule",)
    assert sensitive_by(seen(**not_), rules) == ()


def test_a_named_role_makes_a_record_sensitive_whatever_the_rules_say():
    assert sensitive_by(seen(marked=True), ()) == (MARKED,)


@pytest.mark.parametrize(
    ("asked", "about", "expected"),
    [
        pytest.param({}, {}, Verdict("reference_missing", "", None), id="no reference"),
        pytest.param({"reference": "R"}, {}, Verdict(None, "R", None), id="a reference"),
        pytest.param({}, {"tasks": (TASK, OTHER)}, Verdict(None, str(TASK), TASK), id="pre-filled by a task"),
        pytest.param(
            {"task_id": OTHER}, {"tasks": (TASK, OTHER)}, Verdict(None, str(OTHER), OTHER), id="the one named"
        ),
        pytest.param({"task_id": OTHER}, {"tasks": (TASK,)}, Verdict("not_your_task", "", OTHER), id="another's task"),
        pytest.param({"reference": "R", "purpose": "no"}, {}, Verdict("purpose_not_allowed", "R", None), id="purpose"),
        pytest.param({"reference": "R"}, {"restricted": True}, Verdict("hidden", "R", None), id="screened first"),
        pytest.param(
            {"task_id": OTHER}, {"staff": frozenset({"D-RO1"})}, Verdict("own_file", "", OTHER), id="own file"
        ),
    ],
)
def test_a_view_is_judged_screens_first_then_task_reference_and_purpose(asked, about, expected):
    given = Asked(**({"purpose": "retention_review", "reference": None, "task_id": None} | asked))
    assert judge(PACK, RO1, seen(**about), given) == expected


def test_the_links_of_a_state_are_its_persons_and_roles():
    state = {"links": [{"nominal_source": "crime", "nominal_id": "N", "role": "victim"}]}
    assert links_of(state) == {(nominal_ref("crime", "N"), "victim")}
    assert links_of({}) == frozenset()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shift(begins: str, ends: str, *weekdays: str) -> Watch:
    more = {"weekdays": frozenset(weekdays)} if weekdays else {}
    return Watch("shift", "off_shift", begins=time.fromisoformat(begins), ends=time.fromisoformat(ends), **more)


DAY, NIGHT = shift("06:00", "22:00"), shift("22:00", "06:00")
WEEK = shift("06:00", "22:00", "mon", "tue", "wed", "thu", "fri")
FRIDAY_NIGHT = shift("22:00", "06:00", "fri")


@pytest.mark.parametrize(
    ("watch", "now", "since"),
    [
        pytest.param(DAY, "2026-03-02T12:00+00:00", None, id="by day"),
        pytest.param(DAY, "2026-03-02T06:00+00:00", None, id="its first instant belongs to a shift"),
        pytest.param(DAY, "2026-03-02T22:00+00:00", "2026-03-02T22:00+00:00", id="its last does not"),
        pytest.param(DAY, "2026-03-03T05:59+00:00", "2026-03-02T22:00+00:00", id="before the next"),
        pytest.param(DAY, "2026-07-02T21:30+00:00", "2026-07-02T22:00+01:00", id="by local time in summer"),
        pytest.param(NIGHT, "2026-03-03T02:00+00:00", None, id="by night"),
        pytest.param(NIGHT, "2026-03-03T12:00+00:00", "2026-03-03T06:00+00:00", id="after the night"),
        pytest.param(WEEK, "2026-03-08T12:00+00:00", "2026-03-06T22:00+00:00", id="a Sunday is since Friday"),
        pytest.param(FRIDAY_NIGHT, "2026-03-07T05:00+00:00", None, id="a Saturday's morning is Friday's shift"),
        pytest.param(FRIDAY_NIGHT, "2026-03-08T05:00+00:00", "2026-03-07T06:00+00:00", id="a Sunday's is not"),
        pytest.param(FRIDAY_NIGHT, "2026-03-06T12:00+00:00", "2026-02-28T06:00+00:00", id="a week ago"),
    ],
)
def test_off_shift_is_since_the_end_of_the_last_shift(watch, now, since):
    assert off_shift_since(watch, at(now), LONDON) == (since and at(since))


# In London on 2026-10-25 the hour from 01:00 comes twice; on 2026-03-29 it does not come.
LATE, EARLY = shift("20:00", "01:30"), shift("01:30", "08:00")


@pytest.mark.parametrize(
    ("watch", "now", "off"),
    [
        pytest.param(LATE, "2026-10-25T00:29+00:00", False, id="01:29 the first time"),
        pytest.param(LATE, "2026-10-25T01:15+00:00", False, id="01:15 the second time, the shift may last so long"),
        pytest.param(LATE, "2026-10-25T01:30+00:00", True, id="01:30 the second time"),
        pytest.param(EARLY, "2026-10-25T00:29+00:00", True, id="before the first 01:30"),
        pytest.param(EARLY, "2026-10-25T00:30+00:00", False, id="from the first 01:30"),
        pytest.param(EARLY, "2026-10-25T01:10+00:00", False, id="01:10 the second time"),
        pytest.param(LATE, "2026-03-29T00:59+00:00", False, id="the last minute before the gap"),
        pytest.param(LATE, "2026-03-29T01:29+00:00", False, id="02:29 summer time: half past one never came"),
        pytest.param(LATE, "2026-03-29T01:30+00:00", True, id="02:30 summer time"),
        pytest.param(EARLY, "2026-03-29T00:45+00:00", False, id="the shift begins as early as it may"),
        pytest.param(EARLY, "2026-03-29T00:15+00:00", True, id="and no earlier"),
    ],
)
def test_where_the_clocks_change_a_shift_is_longer_never_shorter(watch, now, off):
    assert (off_shift_since(watch, at(now), LONDON) is not None) is off


def test_counting_watches_look_back_real_time_whatever_the_clock_on_the_wall_does():
    now = at("2026-10-25T01:05+00:00")
    assert window(Watch("b", "burst", views=9, minutes=10), now, LONDON) == now - timedelta(minutes=10)
    assert window(Watch("m", "many_viewers", people=9, days=7), now, LONDON) == now - timedelta(days=7)


def test_a_watch_is_over_its_roles_or_everybody():
    everybody, some = Watch("a", "burst"), Watch("b", "burst", roles=frozenset({"auditor"}))
    assert list(watching([everybody, some], RO1.roles)) == [everybody]
    assert list(watching([some], frozenset({"auditor", "x"}))) == [some]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('[[screen]]\nid = "x"\nshow = true\nexists = false', "screen x: shows a record that is not to exist"),
        ('[[screen]]\nid = "x"\nshow = true\nroles = ["polise"]', "screen x: `roles` names 'polise'"),
        ('[[screen]]\nid = "x"\nshow = false\nflags = ["f"]', "screen x: `flags` names 'f'"),
        ('[[screen]]\nid = "x"\nshow = false\nrecord_types = ["f"]', "screen x: `record_types` names 'f'"),
        ('[[screen]]\nid = "x"\nshow = "no"', "screen x: `show` cannot be used as written"),
        ('[[screen]]\nid = "x"\nshow = true\nrole = "auditor"', "screen x: `role` is not a key of this table"),
        ('[[sensitive]]\nid = "x"', "sensitive x: says nothing of the records it is about"),
        ('[[sensitive]]\nid = "x"\noffences = ["999"]', "sensitive x: `offences` names '999'"),
        ('[[watch]]\nid = "x"\nkind = "burst"\nviews = 3', "watch x: is a burst without `minutes`"),
        ('[[watch]]\nid = "x"\nkind = "burst"\nviews = 3\nminutes = 1\ndays = 2', "watch x: has `days`"),
        ('[[watch]]\nid = "x"\nkind = "many_viewers"\npeople = 3\ndays = 1\nfrom = 01:00:00', "watch x: has hours"),
        ('[[watch]]\nid = "x"\nkind = "off_shift"', "watch x: has a shift of no length"),
        ('[[watch]]\nid = "x"\nkind = "off_shift"\nfrom = "6"\nuntil = 07:00:00', "watch x: `from` cannot be used"),
        ('[[watch]]\nid = "x"\nkind = "off_shift"\nfrom = 06:00:00\nuntil = 07:00:00\nweekdays = ["x"]', "`weekdays`"),
        ('[[watch]]\nid = "burst"\nkind = "burst"\nviews = 3\nminutes = 1', "watch burst: stands here twice"),
    ],
)
def test_a_mistake_about_looking_is_told_with_its_table_and_its_mend(table, told):
    with pytest.raises(BadPack) as caught:
        read_pack(POLICY.read_bytes() + b"\n" + table.encode(), "pack.toml")
    found = [str(mistake) for mistake in caught.value.mistakes]
    assert any(told in each and "; " in each for each in found), found
