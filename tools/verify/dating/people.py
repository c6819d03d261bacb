"""One person's group, clock and last day, from their own facts and all the records that name them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from shared.ids import nominal_ref
from tools.verify.dating.book import Book
from tools.verify.dating.told import Body, NotJudged, Raw, Told, data_of, newest, standing

OWN = {"nominal_state", "contact", "withdrawal", "merged", "distinguished", "activity"}


class Gift(NamedTuple):
    """What a record gives one person: groups by any state, a notice by the one that shows, days of conduct."""

    groups: frozenset[str]
    notice_on: date | None
    conduct: tuple[date, ...]


class Person(NamedTuple):
    """A person as the facts make them; `undated` is one whose date nobody can tell."""

    group: str | None = None
    until: date | None = None
    undated: bool = False


def gift_of(book: Book, record: Told, members: frozenset[UUID]) -> Gift:
    """Say what a record that stands gives one person, by whichever of their names."""
    groups, conduct = set[str](), []
    for state in record.states:
        placed = book.place(state, record)
        if placed.counts and not placed.offenders.isdisjoint(members):
            groups |= {placed.group} if placed.group else set()
            conduct += [on for on in (book.conduct_on(state),) if on]
    now = book.place(record.shown, record)
    if not now.counts or now.offenders.isdisjoint(members) or now.row is None:
        return Gift(frozenset(groups), None, tuple(conduct))
    dates = book.shown_dates(record)
    names = now.row.get("notice") or [each for each in now.row.get("clock", ()) if isinstance(each, str)]
    days = [dates[name] for name in names if name in dates][:1]
    days += _qualifying(book, record, members)
    return Gift(frozenset(groups), max(days, default=None), tuple(conduct))


def _qualifying(book: Book, record: Told, members: frozenset[UUID]) -> Iterable[date]:
    """Give the days on which somebody came to notice by an event of the record, that names them or nobody."""
    for each in record.events:
        known = book.triggers.get(each.get("trigger") or "", {})
        fits = not known.get("values") or each.get("value") in known["values"]
        if known.get("qualifying") and fits and each.get("on") and _about(each, members):
            yield book.day(each["on"])


def _about(event: Body, members: frozenset[UUID]) -> bool:
    named = event.get("nominal_id")
    return named is None or nominal_ref(event.get("nominal_source") or "", named) in members


def person_of(book: Book, facts: Sequence[Raw], gifts: Sequence[Gift]) -> Person:
    """Date a person."""
    if any(each.kind not in OWN for each in facts):
        raise NotJudged("of persons whom a review has been about")
    live = standing(facts)
    births, died, flags = _life(live)
    if births and any(_too_young(book, min(births), on) for gift in gifts for on in gift.conduct):
        raise NotJudged("of conduct that was a young child's")
    flagged = [book.flags.get(flag, {}).get("group") for flag in flags]
    group = book.highest([*flagged, *(each for gift in gifts for each in gift.groups)])
    if group is None:
        return Person()
    contacts = [on for each in live if each.kind == "contact" if (on := _reset_on(book, each))]
    undated = len(births) > 1 or any(day < birth for birth in births for day in (*died, *contacts))
    undated = undated or any(on > day for on in contacts for day in died)
    rule = book.groups[group]
    if "until_age" in rule:
        birthdays = [book.later(birth, f"{rule['until_age']}y") for birth in births]
        return Person(group, max(birthdays, default=None), undated or not birthdays)
    clock = max([*contacts, *(gift.notice_on for gift in gifts if gift.notice_on)], default=None)
    return Person(group, book.later(clock, rule["clear"]) if clock else None, undated or clock is None)


def _life(live: Sequence[Raw]) -> tuple[set[date], list[date], set[str]]:
    """Read births and deaths by each source's newest state, and the flags of every state."""
    told: dict[tuple[str, int], list[Raw]] = {}
    states = [each for each in live if each.kind == "nominal_state"]
    for each in states:
        told.setdefault((str(each.told.get("source")), each.subject), []).append(each)
    current = [data_of(top, "state") for its in told.values() if (top := newest(its))]
    births = {date.fromisoformat(each["date_of_birth"]) for each in current if each.get("date_of_birth")}
    died = sorted(date.fromisoformat(each["died_on"]) for each in current if each.get("died_on"))[:1]
    return births, died, {flag for each in states for flag in data_of(each, "state").get("flags") or ()}


def _too_young(book: Book, birth: date, conduct_on: date) -> bool:
    return conduct_on < book.later(birth, f"{book.pack['limits']['responsible_from_age']}y")


def _reset_on(book: Book, fact: Raw) -> date | None:
    contact = data_of(fact, "data")
    resets = book.contacts.get(contact.get("kind") or "", {}).get("resets")
    return book.day(contact["on"]) if resets and contact.get("on") else None
