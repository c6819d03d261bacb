"""Small packs that exercise every key of a row, beside the demonstration's."""

from pathlib import Path

from shared.policy import Pack, read_pack
from tests.make_facts import PACK

_BASE = Path(__file__).with_name("base.toml").read_text(encoding="utf-8")
_OFFENCES = """
[[offence]]
code = "dated"
group = "G2"
serious = true
until = 2008-02-29

[[offence]]
code = "dated"
group = "G3"
serious = false
since = 2008-03-01
until = 2015-10-25

[[offence]]
code = "dated"
group = "G1"
serious = true
since = 2015-10-26
"""
_FLOORS = """
[[floor]]
id = "cpia"
latest = [
  {from = "acquitted"},
  {from = "convicted", add = "6m"},
  {from = {trigger = "relevance_decided", values = ["relevant"]}, add = "31d"},
  {from = "closed", add = "1y"},
]
pending = [
  {until = ["acquitted", "convicted"], after = "charged"},
  {until = ["appeal_closed"], after = "appeal_opened"},
]

[[floor]]
id = "decision"
pending = [{until = ["no_further_action", "charged", "cancelled"]}]

[[floor]]
id = "claim"
age = {of = ["victim", "witness"], years = 18, under = 18}
add = "6y"
"""
# Per type: the row's keys.
ROWS = {
    "first": 'clock = ["closed", "occurred_on", "recorded_at"]\nretain = "13m"\nend = "dispose"',
    "any": 'clock = ["closed", "resolved", "reported_at"]\nclock_by = "any"\nretain = "25h"\nend = "review"',
    "all": 'clock = ["closed", "occurred_on", "expired"]\nclock_by = "all"\nretain = "1y"\nend = "dispose"',
    "event": 'clock = ["closed"]\nretain = "2y"\nend = "dispose"\nfloors = ["creation", "cpia"]',
    "value": 'clock = [{trigger = "relevance_decided", values = ["not_relevant"]}, "inquest_closed"]\n'
    'retain = "28d"\nend = "dispose"',
    "ends": 'clock = ["resolved", "expired"]\nclock_by = "any"\nretain = "none"\nend = "review"\ncycle = "3y"',
    "dates_all": 'clock = ["occurred_on", "reported_at", "created_on"]\nclock_by = "all"\nretain = "30m"\n'
    'end = "review"',
    "metadata": 'clock = ["metadata:expires_on", "closed"]\nclock_by = "any"\nretain = "6m"\nend = "dispose"',
    "permanent": 'retain = "permanent"\ncycle = "7y"',
    "age": 'age = {of = ["subject", "suspect"], years = 100}\nend = "review"',
    "age_or": 'clock = ["occurred_on", "created_on"]\nretain = "7y"\n'
    'age = [{of = ["victim"], years = 25, under = 18}, {of = ["witness", "suspect"], years = 21, under = 16}]\n'
    'end = "dispose"',
    "claim": 'clock = ["received_on"]\nretain = "7y"\nfloors = ["claim", "creation"]\nend = "dispose"',
    "decision": 'clock = ["created_on", "received_on"]\nretain = "3y"\nfloors = ["decision"]\nend = "review"',
    "mopi": 'follows = "mopi"\nnotice = ["occurred_on"]\nfloors = ["cpia", "claim"]\nend = "review"',
    "mopi_else": 'follows = "mopi"\nnotice = ["recorded_at", "occurred_on"]\nclock = ["closed", "created_on"]\n'
    'retain = "5y"\nend = "dispose"\nfloors = ["decision"]\ncycle = "4y"',
    "locked": 'locked = true\nauthority = "an act"\nclock = ["reported_at", "created_on"]\nretain = "3y"\n'
    'end = "dispose"',
    "counts": 'counts_for_person = true\nnotice = ["occurred_on", "received_on"]\nclock = ["recorded_at"]\n'
    'retain = "2y"\nend = "dispose"',
    "file": 'unit = "case_file"\nclock = ["closed", "created_on"]\nretain = "30m"\nend = "dispose"',
    "file_waits": 'unit = "case_file"\nclock = ["closed"]\nretain = "2y"\nend = "review"\nfloors = ["creation"]',
    "file_opens": 'unit = "case_file"\nclock = ["closed"]\nretain = "4y"\nend = "dispose"\nfloors = ["cpia"]',
    "file_locked": 'unit = "case_file"\nlocked = true\nauthority = "an act"\nclock = ["created_on"]\nretain = "5y"\n'
    'end = "review"\nfloors = ["claim"]',
    "file_ever": 'unit = "case_file"\nretain = "permanent"\ncycle = "5y"',
    "as_file": 'follows = "case_file"\ncycle = "3y"',
    "as_file_or": 'follows = "case_file"\nfloors = ["claim"]',
}
UNCONFIRMED = ("as_file_or",)
PARENTS = {"as_file_or": "detecting.first"}
LATE_PARTS = {"file_opens": 'late_parts = "reopen"'}


def _rows() -> str:
    return "".join(
        f"""
[[record_type]]
id = "{id_}"
title = "{id_}"
offending_roles = ["suspect", "offender"]
{LATE_PARTS.get(id_, "")}

[[class]]
id = "detecting.{id_}"
parent = "{PARENTS.get(id_, "detecting")}"
when = {{record_type = "{id_}"}}
row = "S-{id_}"

[[row]]
id = "S-{id_}"
evidence = "unconfirmed"
{keys}
{"" if id_ in UNCONFIRMED else 'confirmed = {by = "D-IAO1", on = 2020-01-01}'}
"""
        for id_, keys in ROWS.items()
    )


def synthetic(**changed: tuple[str, str]) -> Pack:
    """Make a pack of such rows, with other values of the keys that a pack has once."""
    text = _BASE
    for old, new in changed.values():
        text = text.replace(old, new)
    return read_pack((text + _OFFENCES + _FLOORS + _rows()).encode(), "synthetic.toml")


def ordered(*prevails: str) -> Pack:
    """Make one with an order of those who supply a rule."""
    return synthetic(order=('zone = "Europe/London"', f'zone = "Europe/London"\nprevails = {list(prevails)}'))


def supplied(row: str, *prevails: str) -> Pack:
    """Make one whose crime system supplies a row for all its records, with an order of those who supply a rule."""
    ordered = f'zone = "Europe/London"\nprevails = {list(prevails)}'
    return synthetic(
        source=('source_system = "crime"\n', f'source_system = "crime"\nrow = "{row}"\n'),
        order=('zone = "Europe/London"', ordered),
    )


CHILDREN = '[children]\nunder = 18\ncadence = "30m"\nreview_at = [18, 25]\n\n# Record types'
PACKS = {
    "demonstration": PACK,
    "synthetic": synthetic(),
    "far east": synthetic(
        zone=("Europe/London", "Pacific/Kiritimati"), leap=("last_day_of_february", "first_of_march")
    ),
    "children": synthetic(zone=("Europe/London", "Asia/Kathmandu"), children=("# Record types", CHILDREN)),
    "latest": supplied("S-event"),
    "latest persons": supplied("S-mopi_else"),
    "override first": supplied("S-dates_all", "override", "source", "class", "case_file"),
    "source first": supplied("S-locked", "source", "override", "case_file", "class"),
    "class first": supplied("S-permanent", "case_file", "class", "source", "override"),
    "source as file": supplied("S-as_file", "source", "case_file", "override", "class"),
    "file first": ordered("case_file", "class", "override", "source"),
    "override before file": ordered("override", "case_file", "class", "source"),
    "file last": ordered("override", "class", "source", "case_file"),
    "observe": synthetic(mode=('mode = "live"', 'mode = "observe"'), zone=("Europe/London", "Pacific/Pago_Pago")),
}
