"""A pack that makes no sense is refused: each mistake in its own words, at its line, with its mend."""

from inspect import signature
from pathlib import Path

import pytest

from shared.policy import BadPack, read_pack
from shared.policy.tables import TABLES

TEXT = (Path(__file__).parents[2] / "policy" / "default.toml").read_text()


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadPack) as refused:
        read_pack(text.encode(), "bad.toml")
    return refused.value.message.splitlines()


def changed(*pairs: tuple[str, str]) -> str:
    text = TEXT
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


CREATION = 'from = ["created_on", "recorded_at", "received_on"]'
TWICE = changed(('zone = "', 'prevails = ["override", "class", "class", "clerk"]\nzone = "'))


def in_row(row: str, old: str, new: str) -> str:
    start = TEXT.index(f'[[row]]\nid = "{row}"\n')
    end = TEXT.index("\n\n", start)
    assert old in TEXT[start:end], TEXT[start:end]
    return TEXT[:start] + TEXT[start:end].replace(old, new, 1) + TEXT[end:]


def in_table(header: str, old: str, new: str) -> str:
    start = TEXT.index(header)
    at = TEXT.index(old, start)
    return TEXT[:at] + new + TEXT[at + len(old) :]


def with_table(table: str) -> str:
    return TEXT + "\n" + table + "\n"


ROWS = [
    ("R28", 'retain = "7y"', 'retain = "1001y"', "no calendar counts so far"),
    ("R28", 'retain = "7y"', 'retain = "999999d"', "no calendar counts so far"),
    ("R58", "years = 25", "years = 251", "`age` is a birthday that nobody reaches"),
    ("R28", 'retain = "7y"', 'retain = "0y"', "a period of no length is none"),
    ("R28", '["metadata:last_entry_on", "evidence_extracted"]', '["evidence_extracted"]', "no two starts"),
    ("R28", "metadata:last_entry_on", "metadata:entered_on", "'metadata:entered_on', which is not passed on"),
    ("R28", '"evidence_extracted"]', '"metadata:last_entry_on"]', "`clock` names 'metadata:last_entry_on' twice"),
    ("R62", "relevance_decided", "relevance_told", "`clock` names 'relevance_told', which no record has"),
    ("R62", '"relevance_decided"', '"occurred_on"', "gives 'occurred_on' values, which only a trigger has"),
    ("R62", 'end = "dispose"', 'end = "dispose"\nnotice = ["reported_at"]', "names notice dates and counts for nobody"),
    ("R62", 'end = "dispose"\n', "", "does not say what comes at the end"),
    ("R62", 'end = "dispose"', 'end = "transfer"', "ends with a transfer to nobody"),
    ("R04", '["archive"]', '["archive", "archive"]', "`transfer` names 'archive' twice"),
    ("R03", 'retain = "6y"', 'retain = "permanent"', "is permanent and yet disposes"),
    ("R04", 'unit = "case_file"', 'unit = "person"', "is a rule for the person and follows none"),
    ("R56", 'cycle = "10y"\n', "", "is permanent, so its transfer is never reached"),
    ("R56", 'cycle = "10y"', 'age = {of = ["subject"], years = 100}', "is permanent and yet ends at a birthday"),
    ("R23", 'retain = "none" #', 'age = {of = ["subject"], years = 100}\nretain = "none" #', "yet at a birthday"),
    ("R23", "authority =", "range =", "is statutory without an authority"),
    ("R08a", "authority =", "range =", "is locked without an authority"),
    ("R08a", "counts_for_person = true", 'notice = ["seen_on"]', "`notice` names 'seen_on'"),
    ("R08", 'follows = "mopi"', 'follows = "mopi"\ncounts_for_person = true', "follows and yet says that it counts"),
    ("R08", 'follows = "mopi"', 'follows = "mopi"\nunit = "record"', "follows persons and is a rule for the record"),
    ("R08", 'retain = "6y"', 'cycle = "4y"', "and has a `cycle`"),
    ("R08", 'regime = "part3"', 'regime = "uk_gdpr"', "whom only law enforcement (part3) groups"),
    ("R08", 'retain = "6y"', 'retain = "permanent"', "an end of its own for everyone"),
    (
        "R26",
        'follows = "case_file"',
        'follows = "case_file"\nretain = "31d"',
        "follows its case file and yet has dates",
    ),
    ("R26", 'follows = "case_file"', 'follows = "case_file"\nunit = "record"', "and is a rule for the record"),
    ("R37", "years = 100", "years = 0", "is a birthday that everybody has had"),
    ("R37", '["subject"]', '["claimant"]', "names 'claimant', which nobody is on a record"),
    ("R37", '["subject"]', "[]", "`age` is of nobody"),
    ("R58", "under = 18", "under = 26", "is for those under 26, and they are 25 then"),
    ("R58", '"child_claim_held"]', '"child_claim_held", "child_claim_held"]', "names 'child_claim_held' twice"),
    ("R16", '"chis_record"', '"chis"', "`refuses` names 'chis', which the door takes"),
    ("R16", "refuses =", 'end = "review"\nrefuses =', "says what is refused and yet has a rule"),
    ("R27", 'follows = "case_file"', 'retain = "none"', "has a period but no start"),
]


@pytest.mark.parametrize(("row", "old", "new", "says"), [pytest.param(*each, id=each[3]) for each in ROWS])
def test_a_row_that_makes_no_sense_is_refused(row, old, new, says):
    text = in_row(row, old, new)
    found = mistakes(text)
    line = text[: text.index(f'[[row]]\nid = "{row}"\n')].count("\n") + 1
    assert any(each.startswith(f"bad.toml:{line}: row {row}: ") and says in each for each in found), found


OTHERS = [
    (in_table("[[class]]", 'when = {record_type = "crime_report"}', "when = {}"), "is never reached: all that it"),
    (with_table('[[class]]\nid = "leaf"\nparent = "crime"'), "class leaf: takes no record and has no class under it"),
    (with_table('[[class]]\nid = "leaf"\nrow = "R16"\nwhen = {serious = true}'), "which only says what is refused"),
    (with_table('[[class]]\nid = "l"\nrow = "R05"\nwhen = {source_system = "x"}'), "source system 'x' is not in"),
    (
        with_table('[[record_type]]\nid = "diary"\ntitle = "Diary"\noffending_roles = []'),
        "record_type diary: no class takes it",
    ),
    (in_table('id = "hate_incident"', '"offender"]', '"accused"]'), "names 'accused', which nobody is on a record"),
    (
        in_table('id = "complaint_file"', '"subject"]', '"accused"]'),
        "record_type complaint_file: `allegation_roles` names 'accused', which nobody is on a record",
    ),
    (
        in_table('id = "complaint_file"', '"subject"]', '"victim"]'),
        "`allegation_roles` names 'victim', who is not accused on a record",
    ),
    (changed(('settled = ["/recorded_at"]', 'settled = ["/a"]\ncorrectable = ["/a"]')), "both settled and correctable"),
    (changed(('settled = ["/recorded_at"]', 'correctable = ["a"]')), "'a' is no JSON Pointer"),
    (
        changed(('exception_owner = "data_steward" #', 'exception_owner = "nobody" #')),
        "names 'nobody', which is no role",
    ),
    (
        with_table('[[offence]]\ncode = "1"\ngroup = "G2"\nserious = true\nsince = 2020-01-01'),
        "says of 2020-01-01 what",
    ),
    (
        with_table('[[offence]]\ncode = "9"\ngroup = "G2"\nserious = true\nsince = 2020-01-01\nuntil = 2019-01-01'),
        "offence 9: ends before it begins",
    ),
    (TWICE, "'clerk', which supplies no"),
    (TWICE, "names 'class' twice"),
    (in_table('id = "R01"', 'follows = "mopi"', 'follows = "mopi"\nreaches = "at_next_review"'), "one review of whom"),
    (in_table('id = "creation"', CREATION, ""), "floor creation: has no start"),
    (in_table('id = "creation"', CREATION, ""), "has `add` and nothing to"),
    (in_table('id = "creation"', 'add = "6y"', ""), "reaches to the day from which it counts"),
    (
        in_table('id = "cpia"', 'after = "charged", until = [', 'after = "closed", until = ["closed", '),
        "begins and ends",
    ),
    (in_table('id = "cpia"', 'until = ["appeal_closed"]', "until = []"), "`pending` says not what ends it"),
    (in_table('id = "child_claim"', '["victim"]', '["child"]'), "floor child_claim: `age` names 'child'"),
    (in_table('kind = "evidence_of"', '"charged"', '"accused"'), "relation evidence_of: trigger 'accused' is not in"),
    (in_table('name = "closed"', '["reopened"]', '["opened"]'), "trigger closed: `undone_by` 'opened' is not in"),
    (in_table('name = "closed"', '["reopened"]', '["closed"]'), "trigger closed: undoes itself"),
    (
        in_table('name = "reopened"', '"reopened"\n', '"reopened"\nundone_by = ["closed"]\n'),
        "trigger closed: and 'reopened' undo each other",
    ),
    (
        with_table(
            '[[trigger]]\nname = "t"\nvalues = ["a"]\n\n[[row]]\nid = "X"\nevidence = "partly"\nend = "review"\n'
            'clock = [{trigger = "t", values = ["b"]}]\nretain = "1y"'
        ),
        "waits for 't' with b, which never counts",
    ),
    (changed(("under = 18\ncadence", "under = 9\ncadence")), "`under` is no older than `responsible_from_age`"),
    (changed(("review_at = [18, 25]", "review_at = [25, 18]")), "children: `review_at` is not a list of birthdays"),
    (changed(("review_at = [18, 25]", "review_at = [18, 2500]")), "`review_at` names a birthday that nobody reaches"),
    (changed(('cadence = "3y" ', 'cadence = "7y" ')), "children: `cadence` is longer than that of G3"),
    (changed(('cadence = "3y" ', 'cadence = "1900d" ')), "children: `cadence` is longer than that of G3"),
    (changed(('weekend = ["sat", "sun"]', 'weekend = ["saturday"]')), "names 'saturday', which is no day"),
    (
        changed(('["sat", "sun"]\nhol', '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\nhol')),
        "calendar: leaves no working day",
    ),
    (in_table("[[escalation]]", '"records_manager"', '"chief"'), "names 'chief', which is no role"),
    (in_table("[[escalation]]", '"14d"', '"28d"'), "is told no later than the one before it"),
    (in_table("[[escalation]]", '"records_manager"', '"data_protection_officer"'), "is told more than once"),
    (in_table('id = "G1"', '"head_of_information_management"', '"head"'), "group G1: `chain` names 'head'"),
    (in_table('id = "G1"', "until_age = 100", "until_age = 0"), "group G1: ends at a birthday"),
    (changed(("lead_days = 90", "lead_days = 90\nstop_ratio = 3")), "limits: has `stop_ratio` and no `stop_count`"),
    (
        changed(("lead_days = 90", "lead_days = 1000000")),
        "limits: `lead_days` is more than makes sense; give 0 to 3653",
    ),
    (changed(("cooling_off_days = 7", "cooling_off_days = 0")), "limits: `cooling_off_days` is 0; give 1 to 366"),
    (changed(("news_age_minutes_max = 15", "news_age_minutes_max = 0")), "limits: `news_age_minutes_max` is 0"),
    (changed(("reviews_per_tick_max = 1000", "reviews_per_tick_max = 0")), "limits: `reviews_per_tick_max` is 0"),
    (changed(("future_days_max = 1", "future_days_max = 9999999999")), "limits: `future_days_max` is more than"),
    (changed(("earliest = 1850", "earliest = 2850")), "limits: `earliest` lies after the pack's first day"),
    (changed(("earliest = 1850-01-01", 'earliest = "1850-01-01"')), "limits: `earliest` cannot be used as written"),
    (changed(("placeholder_dates = [", "placeholder_dates = [1, ")), "write a date without quotes"),
    (
        changed(("placeholder_births = [0001-01-01, 1900-01-01, 9999-12-31]", "placeholder_births = 1900-01-01")),
        "a list of",
    ),
    (
        in_table("[quarantine]", "days = 7", "days = 9999999999"),
        "quarantine: `cooling_off_days` is more than makes sense",
    ),
    (changed(("epoch_days = 180", "epoch_days = 0")), "vault: `epoch_days` is 0; give 1 to 3653"),
    (
        changed(('mode = "observe"', 'mode = "live"\nmode_approved_by = ["D-HIM1", " d-him1 ", " "]')),
        "two people's approval",
    ),
    (in_table('id = "G1"', "until_age = 100", "until_age = 1000"), "group G1: ends at a birthday that nobody reaches"),
    (
        changed(('\nbackstop = "10y"', '\nbackstop = "101y"')),
        "`backstop` cannot be used as written; nobody who is there",
    ),
    (changed(('\nbackstop = "10y"', '\nbackstop = "366000d"')), 'give at most "100y"'),
    ("\ufeff" + TEXT, "file: begins with a byte order mark; save it as UTF-8 without one"),
    (in_table("[[source]]", "silent_after", 'row = "R99"\nsilent_after'), "row 'R99' is not in this pack"),
    (in_table("[[view]]", '"reviewing_officer"', '"reviewer"'), "`role` names 'reviewer', which is no role"),
]


@pytest.mark.parametrize(("text", "says"), [pytest.param(*each, id=each[1]) for each in OTHERS])
def test_a_pack_that_makes_no_sense_is_refused(text, says):
    found = mistakes(text)
    assert any(says in each for each in found), found
    assert all("; " in each and int(each.split(":")[1]) > 0 for each in found), found


def test_classes_are_reached_where_an_earlier_one_takes_only_some():
    """Overlap is no mistake; only what is taken whole is."""
    text = changed(('when = {record_type = "crime_report", serious = true}', "when = {serious = true}"))
    read_pack(text.encode(), "overlapping.toml")


def test_an_offences_entries_may_follow_one_another():
    dated = '[[offence]]\ncode = "9"\ngroup = "G{}"\nserious = true\n{}'
    text = with_table(dated.format(2, "until = 2019-12-31") + "\n\n" + dated.format(1, "since = 2020-01-01"))
    assert len([each for each in read_pack(text.encode(), "dated.toml").offences if each.code == "9"]) == 2


def test_what_a_value_needs_its_table_asks_for():
    """A key left out is a mistake with its line, never a crash."""
    for name, table in TABLES.items():
        parameters = signature(table.make).parameters.values()
        needed = {each.name for each in parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD}
        assert needed <= {key.name or id_ for id_, key in table.keys.items() if key.needed}, name
