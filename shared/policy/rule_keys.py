"""How the retention schedule is read: the keys of rows, floors and what goes with them."""

from datetime import date
from typing import Any

from shared.calendar_rules import Period
from shared.policy.keys import (
    Key,
    Keys,
    Wanted,
    cadence,
    day,
    described,
    flag,
    ident,
    inner,
    line,
    many,
    one_of,
    period,
    schema_of,
    text,
    text_set,
    texts,
    whole,
)
from shared.policy.rules import Age, Confirmed, Pending, Row, Stage, Start


@described(
    {
        "anyOf": [
            schema_of(text),
            {
                "type": "object",
                "properties": {"trigger": {"type": "string"}, "values": schema_of(text_set)},
                "required": ["trigger"],
                "additionalProperties": False,
            },
        ]
    }
)
def start(value: Any) -> Start:
    """Read one start: a name, or a trigger with the values that count."""
    if isinstance(value, str) and value:
        return Start(value)
    if isinstance(value, dict) and set(value) <= {"trigger", "values"} and isinstance(value.get("trigger"), str):
        return Start(value["trigger"], text_set(value.get("values", [])))
    raise Wanted('write a name like "closed", or {trigger = "closed", values = ["one"]}')


@described({"type": "array", "items": schema_of(day)})
def days(value: Any) -> frozenset[date]:
    """Read a list of dates."""
    return frozenset(many(day)(value))


@described({"type": "array", "items": schema_of(whole)})
def wholes(value: Any) -> tuple[int, ...]:
    """Read a list of whole numbers."""
    return tuple(many(whole)(value))


_AGE: Keys = {"of": Key(text_set, needed=True), "years": Key(whole, needed=True), "under": Key(whole)}
_age = inner(Age, _AGE)


@described({"anyOf": [schema_of(_age), {"type": "array", "items": schema_of(_age)}]})
def ages(value: Any) -> tuple[Age, ...]:
    """Read one birthday or a list of them."""
    return tuple(many(_age)(value if isinstance(value, list) else [value]))


_STAGE: Keys = {"from": Key(start, needed=True, name="start"), "add": Key(period)}
_PENDING: Keys = {"until": Key(many(start), needed=True), "after": Key(start)}
FLOOR: Keys = {
    "id": Key(ident, needed=True),
    "from": Key(texts, name="start"),
    "add": Key(period),
    "latest": Key(many(inner(Stage, _STAGE))),
    "pending": Key(many(inner(Pending, _PENDING))),
    "age": Key(_age),
    "authority": Key(text),
}
_CONFIRMED: Keys = {"by": Key(text, needed=True), "on": Key(day, needed=True)}
CONFIRMED = Key(inner(Confirmed, _CONFIRMED))
EVIDENCE = one_of("confirmed", "partly", "unconfirmed")


@described({"anyOf": [{"enum": ["permanent", "none"]}, schema_of(period)]})
def _retain(value: Any) -> Period | str:
    return value if value in ("permanent", "none") else period(value)


ROW: Keys = {
    "id": Key(ident, needed=True),
    **{name: Key(line) for name in ("title", "table", "jurisdiction", "authority", "owner", "range")},
    "note": Key(text),
    "evidence": Key(EVIDENCE, needed=True),
    "regime": Key(one_of("part3", "uk_gdpr", "none")),
    "confirmed": CONFIRMED,
    "unit": Key(one_of("record", "case_file", "person")),
    "follows": Key(one_of("mopi", "case_file")),
    "notice": Key(texts),
    "clock": Key(many(start)),
    "clock_by": Key(one_of("first", "any", "all")),
    "retain": Key(_retain),
    "age": Key(ages, name="ages"),
    "cycle": Key(cadence),
    "floors": Key(texts),
    "transfer": Key(texts, name="transfers"),
    "end": Key(one_of("review", "dispose", "transfer")),
    "counts_for_person": Key(flag),
    "statutory": Key(flag),
    "reaches": Key(one_of("at_once", "at_next_review", "new_records_only")),
    "locked": Key(flag),
    "refuses": Key(texts),
}
CHILDREN: Keys = {
    "under": Key(whole, needed=True),
    "cadence": Key(cadence, needed=True),
    "review_at": Key(wholes),
}
CALENDAR: Keys = {"weekend": Key(texts), "holidays": Key(days)}
RELATION: Keys = {
    "kind": Key(text, needed=True),
    "passes": Key(text_set),
    "direction": Key(one_of("to_named", "from_named", "both")),
}
ESCALATION: Keys = {"role": Key(text, needed=True), "after": Key(cadence, needed=True)}


def row(**found: Any) -> Row:
    """Make a row of what was read: `retain` is a period, "permanent", or "none" where it ends on its clock's day."""
    retain = found.pop("retain", None)
    length = retain if isinstance(retain, Period) else None
    return Row(**found, retain=length, permanent=retain == "permanent", ends_on_clock=retain == "none")
