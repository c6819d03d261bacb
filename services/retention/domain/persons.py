"""What one person's facts and links say: their group, their clock, and how long both keep what they carry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import msgspec

from services.retention.domain import children
from services.retention.domain.decided import Decided, Regrouped, decisions_of, regrouped_of, said_again
from services.retention.domain.facts import (
    Fact,
    alive,
    happened_on,
    happening,
    newest_by_source,
    nominal_state,
    of_kind,
)
from shared.calendar_rules import Period, add, days_before
from shared.policy import Group, Pack

OF_A_LIFE = ("contradictory_dates", "dead_before_contact", "contact_before_birth")


class Person(msgspec.Struct, frozen=True):
    """A person's schedule: what each record they carry takes from them."""

    group: str | None = None
    clock_on: date | None = None
    keep_until: date | None = None
    review_on: date | None = None
    by_age: bool = False
    birth_on: date | None = None
    died_on: date | None = None
    reviewed_on: date | None = None
    problem: str | None = None


class Known(NamedTuple):
    """What a person's own facts say, before any link."""

    birth_on: date | None
    died_on: date | None
    flagged: str | None
    flagged_on: date | None
    contact_on: date | None
    decided: Decided
    contradictory: str | None
    regrouped: Regrouped = Regrouped()


def of_person(
    facts: Sequence[Fact],
    group: str | None,
    notice_on: date | None,
    pack: Pack,
    grouped_on: date | None = None,
    conduct_on: date | None = None,
) -> Person:
    """Work out a person's schedule from their own facts and what their records give them.

    `group`, `notice_on`, `grouped_on` and `conduct_on` are the highest, the latest, the earliest of the
    highest group, and the earliest of those of their links that count. A person in no group has no clock.
    """
    known = known_of(facts, pack)
    highest = pack.highest((group, known.flagged, known.regrouped.group))
    person = Person(birth_on=known.birth_on, died_on=known.died_on, reviewed_on=known.decided.reviewed_on)
    if highest is None:
        return msgspec.structs.replace(person, problem=known.contradictory)
    clock_on = max((on for on in (notice_on, known.contact_on) if on), default=None)
    usual = pack.groups[highest]
    cadence = children.cadence(usual.cadence or Period(), known.birth_on, conduct_on, pack)
    rule = replace(usual, cadence=cadence) if cadence != usual.cadence else usual
    at_birthday = children.review_on(known.birth_on, conduct_on, known.decided.reviewed_on, pack)
    keep_until, by_age, review_on = (
        _by_age(rule, known, _since(known, highest, grouped_on if highest == group else None) or clock_on, pack)
        if rule.until_age is not None
        else _by_clock(rule, clock_on, known.decided, pack)
    )
    return msgspec.structs.replace(
        person,
        group=highest,
        clock_on=clock_on,
        keep_until=keep_until,
        review_on=min((on for on in (review_on, at_birthday) if on), default=None),
        by_age=by_age,
        problem=_problem(rule, known, keep_until),
    )


def _since(known: Known, group: str, grouped_on: date | None) -> date | None:
    """Find the earliest day on which a link, a flag or a review put them in their group."""
    flagged_on = known.flagged_on if group == known.flagged else None
    regrouped_on = known.regrouped.on if group == known.regrouped.group else None
    return min((on for on in (grouped_on, flagged_on, regrouped_on) if on), default=None)


def in_doubt(person: Person, problem: str | None) -> Person:
    """Give the schedule of a person whose identity is in doubt: its dates are then "at least until"."""
    return msgspec.structs.replace(person, problem=problem) if problem else person


def known_of(facts: Sequence[Fact], pack: Pack) -> Known:
    """Read what a person's own facts say; a flag once registered counts, whatever a later state leaves out.

    Those that a review which regrouped the person had before it raise them no more.

    A state is whole per source: of each source the newest counts, and they must agree on the day of birth.
    """
    live = alive(facts)
    states = [(fact, nominal_state(fact)) for fact in of_kind(live, "nominal_state")]
    current = [nominal_state(fact) for fact in newest_by_source([fact for fact, _ in states])]
    births = {state.date_of_birth for state in current if state.date_of_birth}
    birth_on = max(births, default=None)
    died_on = min((state.died_on for state in current if state.died_on), default=None)
    regrouped = regrouped_of(live, pack)
    seen = said_again(states, regrouped.basis)
    flagged = [
        (found, fact.received_on)
        for fact, state in states
        if fact.event_uid not in seen
        for flag in state.flags or ()
        if (found := pack.flag_group(flag))
    ]
    highest = pack.highest(group for group, _ in flagged)
    contacts = [
        on
        for fact in of_kind(live, "contact")
        if (kind := pack.contacts.get(happening(fact).kind or "")) and kind.resets and (on := happened_on(fact, pack))
    ]
    return Known(
        birth_on=birth_on,
        died_on=died_on,
        flagged=highest,
        flagged_on=min((on for group, on in flagged if group == highest and on), default=None),
        contact_on=max(contacts, default=None),
        decided=decisions_of(live, pack),
        contradictory=_contradictory(births, died_on, contacts),
        regrouped=regrouped,
    )


def _contradictory(births: set[date], died_on: date | None, contacts: Sequence[date]) -> str | None:
    """Name what cannot have been so in a life: two births, a death before them, contacts before or after it all."""
    if len(births) > 1 or (died_on and any(died_on < birth for birth in births)):
        return "contradictory_dates"
    if died_on and any(on > died_on for on in contacts):
        return "dead_before_contact"
    return "contact_before_birth" if any(on < birth for birth in births for on in contacts) else None


def _problem(rule: Group, known: Known, keep_until: date | None) -> str | None:
    if known.contradictory:
        return known.contradictory
    if keep_until is None:
        return "no_birth_date" if rule.until_age is not None else "no_person_clock"
    return None


def _by_age(rule: Group, known: Known, since: date | None, pack: Pack) -> tuple[date | None, bool, date | None]:
    """Keep to a birthday, the day itself included; only a retain given at that end reaches past it."""
    decided, cadence = known.decided, rule.cadence or Period()
    start = decided.reviewed_on or since
    periodic = add(start, cadence, pack.leap) if start else None
    review_on = min((on for on in (periodic, decided.ahead_on) if on), default=None)
    if known.birth_on is None or rule.until_age is None:
        return None, True, review_on
    birthday = children.birthday(known.birth_on, rule.until_age, pack)
    retained = decided.retained_on
    if retained is None or retained < days_before(birthday, pack.limits.lead_days):
        return birthday, True, review_on
    until = max(birthday, _retained_until(decided, retained, cadence, pack))
    return until, until == birthday, review_on


def _by_clock(
    rule: Group, clock_on: date | None, decided: Decided, pack: Pack
) -> tuple[date | None, bool, date | None]:
    """Keep to the end of the clear period; after a retain to the later of that and the decision's cadence."""
    if clock_on is None:
        return None, False, decided.ahead_on
    until = add(clock_on, rule.clear or Period(), pack.leap)
    if decided.retained_on is not None:
        until = max(until, _retained_until(decided, decided.retained_on, rule.cadence or Period(), pack))
    return until, False, decided.ahead_on


def _retained_until(decided: Decided, retained: date, cadence: Period, pack: Pack) -> date:
    """Count from the decision to retain; the day it names may only make that earlier."""
    until = add(retained, cadence, pack.leap)
    return min(until, decided.next_on) if decided.next_on else until
