"""Random lives, as nasty as they come: leap days, nights on which clocks change, months, late and withdrawn events."""

import random
from dataclasses import dataclass, field
from typing import Any

from shared.policy import Pack
from tests.oracle.days import CALENDAR, NUMBER, Day, is_sunday, month_later, written
from tests.oracle.draw_files import put_in_files
from tests.oracle.lives import Event, Life
from tests.oracle.told import UNREADABLE, State

_YEARS = (1996, 2026)
_FIRST, _LAST = NUMBER[(_YEARS[0], 1, 1)], NUMBER[(_YEARS[1], 1, 1)]
_LEAP_DAYS = [day for day in CALENDAR[_FIRST:_LAST] if day[1:] == (2, 29)]
_MONTH_ENDS = [CALENDAR[NUMBER[day] - 1] for day in CALENDAR[_FIRST + 1 : _LAST] if day[2] == 1]
_CLOCKS_CHANGE = [day for day in CALENDAR[_FIRST:_LAST] if is_sunday(day) and day[1] in (3, 10) and day[2] > 24]
_TIMES = (
    "00:00",
    "00:30",
    "00:59:59",
    "01:00",
    "01:30",
    "02:00",
    "12:00",
    "22:59",
    "23:00",
    "23:30",
    "23:59:59.999999999",
)
_OFTEN = (
    "charged",
    "convicted",
    "acquitted",
    "closed",
    "closed",
    "reopened",
    "resolved",
    "expired",
    "relevance_decided",
)
_OFFSETS = ("Z", "z", "+00:00", "+01:00", "+01:00", "-05:00", "+05:45", "+14:00")


def some_day(rng: random.Random) -> Day:
    kind = rng.randrange(6)
    if kind < 3:
        return rng.choice((_LEAP_DAYS, _MONTH_ENDS, _CLOCKS_CHANGE)[kind])
    return CALENDAR[rng.randrange(_FIRST, _LAST)]


def shifted(rng: random.Random, day: Day) -> Day:
    """Move a day to beside itself, or to near an anniversary, where a date is easily a day wrong."""
    if rng.random() < 0.5:
        return CALENDAR[NUMBER[day] + rng.choice((-1, 0, 0, 1, 27, 31))]
    year, month, of_month = month_later(day, 12 * rng.choice((1, 5, 6, 7, 10)), "last_day_of_february")
    later = CALENDAR[NUMBER[(year, month, min(of_month, 28))] + rng.choice((-1, 0, 1))]
    return later if later[0] < _YEARS[1] else day


@dataclass
class Drawing:
    """One life being drawn: few days, so that much falls on the same one."""

    rng: random.Random
    pack: Pack
    days: list[Day] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.days = [some_day(self.rng) for _ in range(4)]
        self.days += [shifted(self.rng, day) for day in self.days]
        self.people = [f"p{n}" for n in range(1, self.rng.choice((1, 2, 2, 3)) + 1)]
        self.types = list(self.pack.record_types)
        self.dated = {start.metadata_key for row in self.pack.rows.values() for start in row.clock}
        self.filed = self.chance(0.4)
        self.records = [f"r{n}" for n in range(1, self.rng.choice((2, 3, 4, 5) if self.filed else (1, 2, 3, 4)) + 1)]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def day(self) -> Day:
        return self.rng.choice(self.days)

    def civil(self) -> str:
        return written(self.day())

    def month_or_day(self) -> str:
        return self.civil()[:7] if self.chance(0.1) else self.civil()

    def instant(self) -> str:
        return f"{self.civil()}T{self.rng.choice(_TIMES)}{self.rng.choice(_OFFSETS)}"

    def add(self, kind: str, **more: Any) -> Event:
        event = Event(f"e{len(self.events)}", kind, **more)
        self.events.append(event)
        return event


def life(seed: str, pack: Pack) -> Life:
    """Draw one life; the same seed draws the same."""
    drawing = Drawing(random.Random(seed), pack)
    for record in drawing.records:
        _record(drawing, record)
    if drawing.filed:
        put_in_files(drawing)
    for name in drawing.people:
        _person(drawing, name)
    for _ in range(drawing.rng.randrange(6) + len(drawing.records)):
        drawing.rng.choice((_trigger, _trigger, _contact, _contact, _decision))(drawing)
    for record in drawing.records:
        _placed_by_people(drawing, record)
    _withdrawals(drawing)
    if len(drawing.people) > 1 and drawing.chance(0.3):
        _merge(drawing)
    for name in drawing.people:
        _regrouped(drawing, name)
    drawing.rng.shuffle(drawing.events)
    return Life(pack, tuple(drawing.events), seed)


def _record(drawing: Drawing, record: str) -> None:
    rng = drawing.rng
    type_ = rng.choice(drawing.types)
    other = rng.choice(drawing.types)
    sequences = rng.sample(range(1, 9), rng.choice((1, 1, 1, 2, 3)))
    if drawing.chance(0.15):
        drawing.add("error", record=record, sequence=sequences.pop() if len(sequences) > 1 else 9)
    for sequence in sequences:
        data = _state(drawing, type_ if drawing.chance(0.95) else other)
        drawing.add("state", record=record, sequence=sequence, received=drawing.civil(), data=data)


def _state(drawing: Drawing, type_: str) -> dict[str, Any]:
    rng, chance = drawing.rng, drawing.chance
    codes = [each.code for each in drawing.pack.offences]
    state: dict[str, Any] = {
        "source_system": "crime",
        "record_type": None if chance(0.03) else type_,
        "offences": rng.sample(codes, rng.choice((1, 1, 1, 2))) if chance(0.9) else [],
        "links": _links(drawing),
    }
    dates = (
        ("occurred_on", 0.8, drawing.month_or_day),
        ("reported_at", 0.6, drawing.instant),
        ("recorded_at", 0.5, drawing.instant),
        ("created_on", 0.6, drawing.civil),
    )
    state |= {name: written_date() for name, share, written_date in dates if chance(share)}
    if chance(0.2):
        state["group"] = rng.choice([*drawing.pack.groups, "G1", "G9"])
    if chance(0.03):
        state["offences"] = [*state["offences"], "999"]
    if chance(0.05):
        state["medium"] = "physical"
    if chance(0.2):
        state["evaluation"] = {"source": "1", "assessment": rng.choice("ADE"), "handling": "P"}
    state["metadata"] = {
        key: rng.choice(("crime", "a", "b")) if key not in drawing.dated else _dated_in_metadata(drawing)
        for key in sorted(drawing.pack.metadata_keys)
        if chance(0.3 if key in drawing.dated else 0.1)
    }
    return state


def _dated_in_metadata(drawing: Drawing) -> str:
    return drawing.month_or_day() if drawing.chance(0.97) else UNREADABLE


def _links(drawing: Drawing) -> list[dict[str, str]]:
    rng = drawing.rng
    named = rng.sample(drawing.people, rng.randrange(len(drawing.people) + 1))
    roles = ("suspect", "suspect", "offender", "subject", "victim", "witness", "other")
    links = [{"nominal_source": "crime", "nominal_id": each, "role": rng.choice(roles)} for each in named]
    if links and drawing.chance(0.05):
        links.append({**links[0], "role": rng.choice(roles)})
    return links


def _person(drawing: Drawing, name: str) -> None:
    rng, chance = drawing.rng, drawing.chance
    born = written(_birth(drawing))
    for sequence in rng.sample(range(1, 6), rng.choice((0, 1, 1, 1, 2))):
        data: dict[str, Any] = {"flags": rng.choice(([], [], ["vulnerable"], ["mappa"], ["pdp", "vulnerable"]))}
        if chance(0.8):
            data["date_of_birth"] = born if chance(0.9) else written(_birth(drawing))
        if chance(0.05):
            data["died_on"] = written(_birth(drawing)) if chance(0.3) else drawing.civil()
        source = rng.choice(("crime", "crime", "intelligence"))
        drawing.add("person", person=name, sequence=sequence, received=drawing.civil(), data=data, source=source)


def _birth(drawing: Drawing) -> Day:
    """Draw a birth: now and then ten or eighteen years before something else that happened, or a leap day."""
    rng = drawing.rng
    if drawing.chance(0.3):
        year, month, day = drawing.day()
        before = year - rng.choice((0, 9, 10, 10, 10, 18)), month, min(day, 28)
        return CALENDAR[NUMBER[before] + rng.choice((-1, 0, 0, 1))]
    if drawing.chance(0.2):
        return rng.choice((1940, 1972, 1988, 2000, 2004)), 2, 29
    return CALENDAR[rng.randrange(NUMBER[(1935, 1, 1)], NUMBER[(2008, 1, 1)])]


def _trigger(drawing: Drawing) -> None:
    rng, chance = drawing.rng, drawing.chance
    name = rng.choice([*_OFTEN, *drawing.pack.triggers])
    data: dict[str, Any] = {"trigger": name, "on": drawing.month_or_day()}
    known = drawing.pack.triggers[name]
    if known.values or chance(0.1):
        data["value"] = rng.choice([*sorted(known.values), "another"])
    if chance(0.3):
        data["offence"] = rng.choice(("28/11", "1"))
    person = rng.choice(drawing.people) if chance(0.4) else None
    drawing.add("trigger", record=rng.choice(drawing.records), person=person, data=data)


def _contact(drawing: Drawing) -> None:
    kind = drawing.rng.choice(["new_offence", *drawing.pack.contacts])
    data = {"kind": kind, "on": drawing.month_or_day()}
    drawing.add("contact", person=drawing.rng.choice(drawing.people), data=data)


def _decision(drawing: Drawing) -> None:
    rng = drawing.rng
    data = {"outcome": rng.choice(("retain", "retain", "retain", "refer", "dispose")), "on": drawing.civil()}
    if drawing.chance(0.4):
        data["next_on"] = drawing.civil()
    subject = {"record": rng.choice(drawing.records)} if drawing.chance(0.4) else {"person": rng.choice(drawing.people)}
    drawing.add("decision", data=data, **subject)


def _merge(drawing: Drawing) -> None:
    """Let the index say that two are one person, and now and then the contrary; nothing comes in between."""
    into, gone = drawing.rng.sample(drawing.people, 2)
    merge = drawing.add("merged", person=into, other=gone, received="2030-01-01")
    kind = drawing.rng.randrange(8)
    if kind == 0:
        drawing.add("unmerged", person=into, of=merge.id, received="2030-01-02")
    if kind == 1:
        drawing.add("distinguished", person=gone, other=into, received="2030-01-02")
    if kind == 2:
        drawing.add("merged", person=gone, other=into, received="2030-01-02")
    if kind == 3:
        drawing.add("withdrawal", person=into, of=merge.id, received="2030-01-02")


def _placed_by_people(drawing: Drawing, record: str) -> None:
    """Let people decide about a record's rule and class: the later decision has the higher number."""
    if drawing.chance(0.2):
        days = sorted(drawing.day() for _ in range(drawing.rng.choice((1, 1, 2))))
        for sequence, day in enumerate(days, 1):
            drawing.add("override", record=record, sequence=sequence, data={"on": written(day), **_override(drawing)})
    if drawing.chance(0.2):
        states = [each for each in drawing.events if each.record == record and each.kind == "state"]
        was = State(drawing.rng.choice(states), drawing.pack, "2022-08-03").own_class
        days = sorted(drawing.day() for _ in range(drawing.rng.choice((1, 1, 2, 3))))
        for sequence, day in enumerate(days, 1):
            data = {"on": written(day), "was": was, "to": drawing.rng.choice([*drawing.pack.classes, "gone"])}
            drawing.add("moved", record=record, sequence=sequence, data=data)
            if drawing.chance(0.4):
                _closed_and_reopened(drawing, record, day)


def _closed_and_reopened(drawing: Drawing, record: str, day: Day) -> None:
    for name in ("closed", "reopened"):
        data = {"trigger": name, "on": written(shifted(drawing.rng, day))}
        drawing.add("trigger", record=record, data=data)


def _override(drawing: Drawing) -> dict[str, str]:
    """Draw a rule for one record: a row, a period from a day, a last day, or none any more."""
    rng = drawing.rng
    period = {"period": rng.choice(("13m", "6y", "30d", "25h")), "from_on": drawing.civil()}
    kinds = ({}, {"until": drawing.civil()}, period, {"row": rng.choice([*drawing.pack.rows, "gone"])})
    rule = rng.choice((*kinds, kinds[3]))
    return rule | ({"legal_authority": "an order"} if drawing.chance(0.3) else {})


def _regrouped(drawing: Drawing, name: str) -> None:
    """Let reviews put a person whom no merge ties to another in a group, with some of what there is before them."""
    if not drawing.chance(0.2) or any(each.other and name in (each.person, each.other) for each in drawing.events):
        return
    theirs = [each.id for each in drawing.events if each.kind in ("state", "person") and _is_about(each, name)]
    for _ in range(drawing.rng.choice((1, 1, 2))):
        basis = [id_ for id_ in theirs if drawing.chance(0.7)]
        group = drawing.rng.choice(list(drawing.pack.ranks))
        data = {"outcome": "amend", "on": drawing.civil(), "group": group, "basis": basis}
        drawing.add("decision", person=name, data=data)


def _is_about(event: Event, name: str) -> bool:
    return event.person == name or any(link["nominal_id"] == name for link in event.data.get("links") or ())


def _withdrawals(drawing: Drawing) -> None:
    for event in list(drawing.events):
        if event.kind in ("contact", "trigger", "override", "moved") and drawing.chance(0.25):
            drawing.add("withdrawal", record=event.record, person=event.person, of=event.id)
