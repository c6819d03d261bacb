"""Why a person should look at once, beside any date. The same causes in any order: each has a token, put once."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from services.retention.domain.facts import (
    Fact,
    Nominal,
    NominalState,
    alive,
    happening,
    newest_by_source,
    nominal_state,
    of_kind,
    source_of,
)
from shared.policy import Pack

DEATH, STATUS, NEW_LINK, ALLEGATION = "death", "status_changed", "new_link", "staff_allegation"
MERGES = ("merged", "unmerged")


class Cause(NamedTuple):
    """A cause by its code, and a token that tells it from others of the same code."""

    code: str
    token: str
    nominal: Nominal | None = None
    """Of a record's cause: whom alone it is about; None: everyone who decides about the record."""


def of_record_causes(facts: Sequence[Fact], pack: Pack) -> list[Cause]:
    """Find the triggers of a record that the pack puts before a person: an acquittal, an order of a court."""
    return [
        Cause(known.name, str(fact.event_uid), _named(fact))
        for fact in of_kind(alive(facts), "trigger")
        if (known := pack.triggers.get(happening(fact).trigger or "")) and known.review
    ]


def _named(fact: Fact) -> Nominal | None:
    what = happening(fact)
    return (what.nominal_source or "", what.nominal_id) if what.nominal_id else None


def of_person_causes(facts: Sequence[Fact], pack: Pack) -> list[Cause]:
    """Find what a person's own facts put before a person: contacts, merges, a status changed, their death."""
    live = alive(facts)
    contacts = [
        Cause(known.kind, str(fact.event_uid))
        for fact in of_kind(live, "contact")
        if (known := pack.contacts.get(happening(fact).kind or "")) and known.review
    ]
    states = of_kind(live, "nominal_state")
    died = any(nominal_state(fact).died_on for fact in newest_by_source(states))
    merges = [Cause(fact.kind, str(fact.event_uid)) for fact in live if fact.kind in MERGES]
    return [*contacts, *merges, *_statuses(states, pack), *([Cause(DEATH, "")] if died else [])]


def _statuses(states: Sequence[Fact], pack: Pack) -> Iterator[Cause]:
    """Count how often a flag that puts people in a group came or went from one state of a source to its next."""
    if len(states) < 2:
        return
    told: dict[str, list[NominalState]] = {}
    for fact in sorted(states, key=lambda fact: (fact.sequence, fact.event_uid)):
        told.setdefault(source_of(fact), []).append(nominal_state(fact))
    for source, its in sorted(told.items()):
        flags = {flag for state in its for flag in state.flags or () if pack.flag_group(flag)}
        for flag in sorted(flags):
            has = [flag in (state.flags or ()) for state in its]
            changes = sum(now != before for before, now in pairwise(has))
            if changes:
                yield Cause(STATUS, f"{source} {flag} {changes}")


def of_links(first_on: date | None, last_on: date | None, facts: Sequence[Fact]) -> Cause | None:
    """Name the cause that a new offending link is: of somebody known before that day, or of the force's own staff.

    The links of one day are one cause; the days are those on which intake received them, whatever order they took.
    """
    if first_on is None:
        return None
    last_on = last_on or first_on
    if is_staff(facts):
        return Cause(ALLEGATION, last_on.isoformat())
    return Cause(NEW_LINK, last_on.isoformat()) if first_on < last_on else None


def of_allegations(days: Iterable[date], facts: Sequence[Fact]) -> list[Cause]:
    """Name the causes that records are which accuse one of the force's own staff, by a role that the pack names.

    Those first received on one day are one cause. Each day is told, not the last alone: a file that comes late, or that
    a later pack makes an allegation, is put whatever was put before it, and one that is withdrawn puts none anew.
    """
    return [Cause(ALLEGATION, f"accused {on.isoformat()}") for on in sorted(set(days))] if is_staff(facts) else []


def is_staff(facts: Sequence[Fact]) -> bool:
    """Say whether any state of a person that was not withdrawn has a `staff_id`."""
    return any(nominal_state(fact).staff_id for fact in of_kind(alive(facts), "nominal_state"))
