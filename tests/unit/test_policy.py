"""A pack is read into frozen values, or refused with every mistake at its line."""

import re
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from shared.calendar_rules import Period
from shared.policy import BadPack, Proposal, Step, proposal, read_pack

POLICY = Path(__file__).parents[2] / "policy"
DEMONSTRATION = (POLICY / "demonstration.toml").read_bytes()
PACK = read_pack(DEMONSTRATION, "demonstration.toml")
DEFAULT = read_pack((POLICY / "default.toml").read_bytes(), "default.toml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadPack) as refused:
        read_pack(text.encode(), "bad.toml")
    return refused.value.message.splitlines()


def changed(old: str, new: str) -> str:
    text = DEMONSTRATION.decode()
    assert old in text
    return text.replace(old, new, 1)


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


def test_the_stop_switch_is_the_forces_own_numbers():
    assert (PACK.limits.stop_count, PACK.limits.stop_ratio) == (None, None)
    text = DEMONSTRATION.replace(b"lead_days = 90", b"lead_days = 90\nstop_count = 500\nstop_ratio = 3")
    assert (read_pack(text, "p").limits.stop_count, read_pack(text, "p").limits.stop_ratio) == (500, 3)


def test_the_demonstration_is_live_and_confirmed():
    assert (PACK.live, PACK.mode_approved_by) == (True, ("D-RM1", "D-HIM1"))
    assert {id_ for id_, row in PACK.rows.items() if row.confirmed} >= {"R01", "R02", "R03", "R14", "R29"}
    assert {row.confirmed.by for row in PACK.rows.values() if row.confirmed} == {"D-IAO1"}
    assert PACK.hash == sha256(DEMONSTRATION).hexdigest()


def test_the_default_only_observes_and_nothing_in_it_is_confirmed():
    assert not DEFAULT.live
    assert not any(each.confirmed for each in (*DEFAULT.rows.values(), *DEFAULT.groups.values()))


def test_every_row_of_the_schedule_is_in_the_pack_and_every_rule_is_reached():
    assert DEFAULT.rows.keys() >= {f"R{number:02}" for number in range(1, 66)}
    assert DEFAULT.rows.keys() - {each.row for each in DEFAULT.classes.values()} == {"R16"}
    assert DEFAULT.rows["R16"].refuses == ("chis_record",)
    assert all(row.authority and row.owner and row.table for row in DEFAULT.rows.values())
    of_uk_gdpr = {id_[:3] for id_, row in DEFAULT.rows.items() if row.regime == "uk_gdpr"}
    assert of_uk_gdpr == {f"R{number}" for number in (45, 46, 48, *range(51, 58))}


def test_files_of_professional_standards_are_allegations_against_whom_they_accuse():
    accuse = {id_: each.allegation_roles for id_, each in DEFAULT.record_types.items() if each.allegation_roles}
    assert accuse.keys() == {"complaint_file", "misconduct_file", "serious_incident_file"}
    assert set(accuse.values()) == {frozenset({"suspect", "offender", "subject"})}


def test_both_packs_say_the_same_but_for_who_confirmed_them():
    said = [
        {
            line
            for line in (POLICY / name).read_text().splitlines()
            if not line.startswith(("#", "confirmed =", "id =", "title =", "mode", "cooling_off_days ="))
        }
        for name in ("default.toml", "demonstration.toml")
    ]
    assert said[0] == said[1]
    for name in ("record_types", "classes", "offences", "floors", "triggers", "relations", "sources", "children"):
        assert getattr(DEFAULT, name) == getattr(PACK, name)
    for name in ("rows", "groups"):
        ours, theirs = getattr(DEFAULT, name), getattr(PACK, name)
        assert {id_: replace(each, confirmed=None) for id_, each in theirs.items()} == dict(ours)
        assert list(ours) == list(theirs)


def test_values_are_as_the_file_says():
    assert PACK.rows["R03"].retain == Period(months=72)
    assert PACK.classes["crime.report.undetected"].backstop == Period(months=120)
    assert PACK.offence("police-uk:burglary").group == "G3"
    assert PACK.required_fields("police-uk-stops", "stop_and_search") == ("/content/object_of_search",)
    assert PACK.required_fields("crime", None) == ()
    assert PACK.chain("G2") == (Step("head_of_information_management", "G2"),)
    assert PACK.chain("G3") == PACK.chain(None) == ()
    assert PACK.effective_on == date(2020, 2, 1)
    assert PACK.flag_group("mappa") == "G1"
    assert PACK.flag_group("vulnerable") is PACK.flag_group("never heard of") is None
    assert PACK.highest(["G3", None, "G1", "G2"]) == "G1"
    assert PACK.sources["urn:police-uk:outcomes"].reports_on == {"police-uk-street"}


@pytest.mark.parametrize(
    ("purpose", "role", "allowed"),
    [
        pytest.param("retention_review", "reviewing_officer", True, id="reviewer reviewing"),
        pytest.param("disclosure", "reviewing_officer", False, id="reviewer disclosing"),
        pytest.param("curiosity", "reviewing_officer", False, id="no such purpose"),
        pytest.param("retention_review", "auditor", False, id="auditors see no content"),
    ],
)
def test_a_view_needs_its_row(purpose, role, allowed):
    assert PACK.may_view(purpose, role, "crime_report") is allowed


@pytest.mark.parametrize(
    ("pack", "row", "groups", "end"),
    [
        pytest.param(PACK, "R03", (), "dispose", id="confirmed and live"),
        pytest.param(DEFAULT, "R03", (), "review", id="unconfirmed"),
        pytest.param(PACK, "R02", (), "review", id="the row's own choice"),
        pytest.param(PACK, "R01", ("G3",), "review", id="the group's choice"),
        pytest.param(PACK, "R01", (), "review", id="nobody says dispose"),
    ],
)
def test_disposal_by_time_needs_an_owner(pack, row, groups, end):
    assert pack.ends(row, groups) == end


def test_a_confirmed_group_may_end_by_time():
    text = changed('end = "review" # This pack\'s choice', 'end = "dispose" # This pack\'s choice')
    pack = read_pack(text.encode(), "x")
    assert pack.ends("R01", ["G3"]) == "dispose"
    assert pack.ends("R01", ["G3", "G2"]) == "review"
    assert pack.ends("R14", ["G3"]) == "review"


def test_an_observing_pack_never_ends_by_time():
    pack = read_pack(changed('mode = "live"', 'mode = "observe"').encode(), "x")
    assert pack.ends("R03") == "review"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            'retain = "6y"\nend',
            'retain = "6 years"\nend',
            'row R03: `retain` cannot be used as written; write a period like "10y"',
            id="period",
        ),
        pytest.param(
            'retain = "6y"\nend = "dispose"\n',
            'end = "dispose"\n',
            "row R03: says neither how long nor whom it follows",
            id="row without retain",
        ),
        pytest.param(
            'clock = ["reported_at", "recorded_at", "occurred_on"]\nretain = "6y"',
            'retain = "6y"',
            "row R03: has a period but no start",
            id="row without clock",
        ),
        pytest.param(
            'retain = "6y"\nend',
            'retain = "6y"\nretian = "6y"\nend',
            "row R03: `retian` is not a key of this table",
            id="unknown key",
        ),
        pytest.param('retain = "100y"', 'retain = "permanent"\nend = "dispose"', "file: not TOML", id="key twice"),
        pytest.param(
            'row = "R29"',
            'row = "R92"',
            "class preventing.stop_and_search: row 'R92' is not in this pack",
            id="row unknown",
        ),
        pytest.param(
            'parent = "preventing"',
            'parent = "preventive"',
            "class preventing.stop_and_search: parent 'preventive'",
            id="parent unknown",
        ),
        pytest.param(
            'id = "preventing"\n',
            'id = "preventing"\nparent = "preventing.stop_and_search"\n',
            "class preventing: is its own ancestor",
            id="circle",
        ),
        pytest.param(
            'row = "R29"\n',
            "",
            "class preventing.stop_and_search: records would fall into it without a row",
            id="class without row",
        ),
        pytest.param(
            'group = "G1"\nserious',
            'group = "G9"\nserious',
            "offence 1: group 'G9' is not in this pack",
            id="group unknown",
        ),
        pytest.param(
            'id = "pdp"\ngroup = "G1"', 'id = "pdp"\ngroup = "G4"', "flag pdp: group 'G4'", id="a flag cannot give G4"
        ),
        pytest.param(
            'confirmed = {by = "D-IAO1", on = 2020-01-01}',
            'confirmed = {by = "D-IAO1"}',
            "row R01: `confirmed` cannot be used as written; `on` is missing: add it",
            id="confirmed by nobody's date",
        ),
        pytest.param(
            'confirmed = {by = "D-IAO1", on = 2020-01-01}',
            "confirmed = true",
            "row R01: `confirmed` cannot be used",
            id="confirmed is a table",
        ),
        pytest.param(
            '"D-RM1", "D-HIM1"]',
            '"D-RM1", "D-RM1"]',
            "pack: `mode` is live without two people",
            id="live needs two people",
        ),
        pytest.param(
            '"Europe/London"',
            '"Europe/Londinium"',
            "pack: `zone` cannot be used as written; name a time zone",
            id="zone",
        ),
        pytest.param(
            "lead_days = 90",
            "lead_days = true",
            "limits: `lead_days` cannot be used as written; write a whole number",
            id="limit",
        ),
        pytest.param(
            'floors = ["creation"]',
            'floors = ["cpja"]',
            "row R01: floor 'cpja' is not in this pack",
            id="floor unknown",
        ),
        pytest.param(
            '"/content/object_of_search"',
            '"object_of_search"',
            "required no. 1: 'object_of_search' is no JSON Pointer",
            id="pointer",
        ),
        pytest.param(
            'source_system = "nominals"',
            'source_system = "crime"',
            "source urn:demo:crime: shares source system 'crime'",
            id="two sources of one system",
        ),
        pytest.param('id = "rso"', 'id = "pdp"', "flag pdp: stands here twice", id="twice"),
        pytest.param("[forbidden]", "[forbiden]", "forbiden: no such table", id="unknown table"),
        pytest.param('clear = "10y"\n', "", "group G2: needs exactly one of", id="group without a length"),
        pytest.param(
            'purpose = "disclosure"',
            'purpose = "curiosity"',
            "view no. 5: purpose 'curiosity'",
            id="view of no purpose",
        ),
        pytest.param(
            'notice = ["reported_at"',
            'notice = ["seen_on"',
            "row R01: `notice` names 'seen_on', which no record has",
            id="no such date",
        ),
    ],
)
def test_a_mistake_says_where_and_how_to_mend_it(old, new, says):
    [*found] = mistakes(changed(old, new))
    assert any(says in line for line in found), found
    assert all(line.startswith("bad.toml:") for line in found)


def test_a_mistake_stands_at_its_tables_header():
    text = changed('retain = "6y"\nend', 'retain = "six"\nend')
    header = line_of(text, '[[row]]\nid = "R03"')
    [line] = mistakes(text)
    assert line.startswith(f"bad.toml:{header}: row R03: ")


def test_every_mistake_is_told_at_once():
    text = changed('retain = "6y"\nend', 'retain = "six"\nend').replace("lead_days = 90", "lead_days = -1")
    assert len(mistakes(text)) == 2


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param(b'a = 1\nb = "\xff"\n', "bad.toml:2: file: not UTF-8", id="not UTF-8"),
        pytest.param(b"a = 1\nb = \n", "bad.toml:2: file: not TOML", id="not TOML"),
        pytest.param(b"", "bad.toml:1: pack: the table is missing; add [pack]", id="empty"),
        pytest.param(b"row = 3\n", "bad.toml:1: row: not a list of tables; write each as [[row]]", id="not a list"),
        pytest.param(b"pack = 3\n", "bad.toml:1: pack: not a table", id="not a table"),
    ],
)
def test_what_is_no_pack_is_refused(raw, says):
    with pytest.raises(BadPack) as refused:
        read_pack(raw, "bad.toml")
    assert says in refused.value.message


NO = {question.id: "no" for question in PACK.questions if question.part == "criteria"}
PASSES = {question.id: "yes" for question in PACK.questions if question.part == "gate"}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(PASSES | NO, Proposal("dispose"), id="all no"),
        pytest.param(PASSES | NO | {"vulnerable": "yes"}, Proposal("retain", ("vulnerable",)), id="any yes"),
        pytest.param(
            PASSES | NO | {"vulnerable": "unknown"}, Proposal("enquire", ("vulnerable",)), id="unknown is not no"
        ),
        pytest.param(PASSES | NO | {"accurate": "unknown"}, Proposal("enquire", ("accurate",)), id="gate unknown"),
        pytest.param(
            PASSES | NO | {"purpose": "no", "vulnerable": "yes"}, Proposal("dispose", ("purpose",)), id="gate fails"
        ),
        pytest.param(PASSES, Proposal("incomplete", missing=tuple(NO)), id="criteria not answered"),
    ],
)
def test_answers_propose(answers, expected):
    assert proposal(answers, PACK) == expected


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        pytest.param(
            *(
                'types = ["chis_record"]',
                'types = ["crime_report"]',
                "record_type crime_report: is refused at the door",
            ),
            id="forbidden",
        ),
        pytest.param('settled = ["/rec', 'settled = ["rec', "is no JSON Pointer; begin it with /", id="no pointer"),
        pytest.param('["A", "B", "C", "D", "E"]', '["A"]', "names 'E', which is no assessment", id="no such grade"),
        pytest.param("{upstream_type = ", "{colour = ", "asks for metadata 'colour'", id="metadata not passed on"),
        pytest.param("{upstream_type = ", "{sensitivity = 1, upstream_type = ", "a table of texts", id="no text"),
        pytest.param('when = {metadata = {upstream_type = "crime"}}', "when = {}", "says by nothing", id="by nothing"),
        pytest.param(
            *('when = {record_type = "stop_and_search"', 'when = {offence = ["99/9"]', "offence '99/9' is not in"),
            id="offence",
        ),
    ],
)
def test_what_the_door_is_to_ask_is_checked(old, new, mistake):
    assert any(mistake in each for each in mistakes(changed(old, new)))


class _State:
    def __init__(self, record_type=None, source_system="crime", offences=(), metadata=None):
        self.record_type, self.source_system = record_type, source_system
        self.offences, self.metadata = offences, metadata


@pytest.mark.parametrize(
    ("state", "type_"),
    [
        pytest.param(_State("anything"), "anything", id="as sent"),
        pytest.param(_State(metadata={"upstream_type": "crime"}), "crime_report", id="by metadata"),
        pytest.param(_State(metadata={"upstream_type": "other"}), None, id="by nothing"),
        pytest.param(_State(offences=["1"]), None, id="no metadata"),
    ],
)
def test_a_type_is_told_by_the_first_that_fits(state, type_):
    assert PACK.type_of(state) == type_


def test_the_pace_of_the_quarantine_and_the_reasons_to_discard_are_the_packs():
    assert (PACK.quarantine.review, PACK.quarantine.cooling_off_days) == (Period(days=7), 0)
    assert DEFAULT.quarantine.cooling_off_days == 7
    assert PACK.discard_reasons.keys() == DEFAULT.discard_reasons.keys() >= {"test_data", "sent_in_error"}
    [missing] = mistakes(changed('review = "7d"', '# review = "7d"'))
    assert "quarantine: `review` is missing; add it" in missing
    text = DEMONSTRATION.decode()
    [mistake] = mistakes(text.replace('id = "sent_in_error"', 'id = "test_data"'))
    assert "discard_reason test_data: stands here twice" in mistake


@pytest.mark.parametrize(
    ("written", "mend"),
    [('id = "R 29"', "an id of at most 128"), ('title = "One line\\nand more"', "one line of at most 256")],
)
def test_what_may_stand_on_a_public_topic_is_an_id_or_a_line(written, mend):
    key = written.partition(" ")[0]
    text = re.sub(
        rf'{key} = "(R29|Stop and search record)"', written.replace("\\", "\\\\"), DEMONSTRATION.decode(), count=1
    )
    assert any(mend in each for each in mistakes(text))
