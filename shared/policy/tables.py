"""The tables of a pack: which keys each has, and which value it becomes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.calendar_rules import LEAPS
from shared.policy import access, rule_keys, rules, timeliness, values, workplace
from shared.policy.keys import (
    Key,
    Keys,
    cadence,
    day,
    days,
    flag,
    ident,
    inner,
    line,
    many,
    one_of,
    period,
    text,
    text_set,
    texts,
    whole,
    words,
    zone,
)

DATES = ("occurred_on", "reported_at", "recorded_at", "created_on", "received_on", "revised_on", "marked_on")
"""The dates of a record that a clock, a notice or a floor may name; of `revised_on` and `marked_on` see the domain."""

_ID = Key(ident, needed=True)
_TITLE = Key(line)
_END = one_of("review", "dispose")


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of `[[table]]`: its keys, its value, and the value's attribute that names it."""

    keys: Keys
    make: Callable[..., Any]
    id: str = "id"


PACK: Keys = {
    "id": _ID,
    "title": _TITLE,
    "effective_on": Key(day, needed=True),
    "mode": Key(one_of("observe", "live"), needed=True),
    "mode_approved_by": Key(texts),
    "zone": Key(zone, needed=True),
    "leap": Key(one_of(*LEAPS), needed=True),
    "exception_owner": Key(text, needed=True),
    "backstop": Key(cadence, needed=True),
    "jurisdiction": _TITLE,
    "prevails": Key(texts),
}
LIMITS: Keys = {
    name: Key(whole, needed=True)
    for name in (
        "lead_days",
        "cooling_off_days",
        "news_age_minutes_max",
        "reviews_per_tick_max",
        "future_days_max",
        "responsible_from_age",
    )
} | {
    "stop_count": Key(whole),
    "stop_ratio": Key(whole),
    "earliest": Key(day),
    "placeholder_dates": Key(days),
    "placeholder_births": Key(days),
}
METADATA: Keys = {"keys": Key(text_set, needed=True)}

_WHEN: Keys = {
    "record_type": Key(text),
    "source_system": Key(text),
    "offending_link": Key(flag),
    "serious": Key(flag),
    "part_of": Key(flag),
    "offence": Key(text_set),
    "metadata": Key(words),
}
_TYPE_WHEN: Keys = {name: _WHEN[name] for name in ("source_system", "offence", "metadata")}
_STEP: Keys = {"role": Key(text, needed=True), "competence": Key(text)}
_CHAIN = Key(many(inner(values.Step, _STEP)))

TABLES: dict[str, Table] = {
    "record_type": Table(
        {
            "id": _ID,
            "title": Key(text, needed=True),
            "offending_roles": Key(text_set, needed=True),
            "not_offending_when_assessed": Key(text_set),
            "allegation_roles": Key(text_set),
            "settled": Key(texts),
            "when": Key(inner(values.When, _TYPE_WHEN)),
            "late_parts": Key(one_of("exception", "reopen")),
            "correctable": Key(texts),
        },
        values.RecordType,
    ),
    "class": Table(
        {
            "id": _ID,
            "title": _TITLE,
            "parent": Key(text),
            "when": Key(inner(values.When, _WHEN)),
            "row": Key(text),
            "backstop": Key(cadence),
            "exception_owner": Key(text),
            "facets": Key(words),
        },
        values.Class,
    ),
    "row": Table(rule_keys.ROW, rule_keys.row),
    "group": Table(
        {
            "id": _ID,
            "title": _TITLE,
            "clear": Key(period),
            "until_age": Key(whole),
            "cadence": Key(cadence),
            "end": Key(_END),
            "chain": _CHAIN,
            "by_record_type": Key(flag),
            "evidence": Key(rule_keys.EVIDENCE),
            "confirmed": rule_keys.CONFIRMED,
        },
        values.Group,
    ),
    "offence": Table(
        {
            "code": _ID,
            "group": Key(text, needed=True),
            "serious": Key(flag, needed=True),
            "title": _TITLE,
            "since": Key(day),
            "until": Key(day),
        },
        values.Offence,
        "",
    ),
    "floor": Table(rule_keys.FLOOR, rules.Floor),
    "relation": Table(rule_keys.RELATION, rules.Relation, "kind"),
    "escalation": Table(rule_keys.ESCALATION, rules.Escalation, ""),
    "source": Table(
        {
            "source": _ID,
            "source_system": Key(text, needed=True),
            "principal": Key(text, needed=True),
            "reports_on": Key(text_set),
            "nominal_sources": Key(text_set),
            "row": Key(text),
            "merges": Key(flag),
            **timeliness.SILENCE,
        },
        values.Source,
        "source",
    ),
    "required": Table(
        {
            "source_system": Key(text, needed=True),
            "record_type": Key(text, needed=True),
            "fields": Key(texts, needed=True),
        },
        values.Required,
        "",
    ),
    "flag": Table({"id": _ID, "group": Key(text)}, values.Flag),
    "trigger": Table(
        {
            "name": _ID,
            "qualifying": Key(flag),
            "values": Key(text_set),
            "undone_by": Key(text_set),
            "review": Key(flag),
        },
        values.Trigger,
        "name",
    ),
    "contact": Table(
        {"kind": _ID, "resets": Key(flag, needed=True), "review": Key(flag)},
        values.Contact,
        "kind",
    ),
    "question": Table(
        {"id": _ID, "part": Key(one_of("gate", "criteria"), needed=True), "text": Key(text, needed=True)},
        values.Question,
    ),
    "timeliness": Table(timeliness.TIMELINESS, timeliness.Timeliness, ""),
    "discard_reason": Table(workplace.DISCARD_REASON, workplace.DiscardReason),
    "policing_purpose": Table({"id": _ID, "title": _TITLE}, values.Named),
    "purpose": Table({"id": _ID, "title": _TITLE}, values.Named),
    "screen": Table(access.SCREEN, access.Screen),
    "sensitive": Table(access.SENSITIVE, access.Sensitive),
    "watch": Table(access.WATCH, access.Watch),
    "view": Table(
        {"purpose": _ID, "role": Key(text, needed=True), "record_types": Key(text_set)},
        values.View,
        "",
    ),
}
