"""Work out anew the dates of what is marked: persons first, then the records they carry.

Three things are derived, each written only under its own lock: what a record gives its persons (the record's), a
person's schedule (the person's), a record's schedule (the record's, and a share of each of its persons'). No lock is
waited for, and facts are read in statements after it: READ COMMITTED then sees what the last holder committed. The
share is what keeps two settlers from missing each other: one dating a record from the person's old dates, the other
settling the person without seeing the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.retention.actions import cases, causes, identities
from services.retention.actions.cases import Ready
from services.retention.actions.lately import Lately
from services.retention.domain import Aged, Fact, Given, OfRecord, Person, counts_from, groups
from services.retention.domain.changes import moved_by, of_link
from services.retention.storage import facts as stored_facts
from services.retention.storage import links as stored_links
from services.retention.storage import locks, marks, merges, schedules, superseded, wanted
from services.retention.storage.known import Known, read
from services.retention.storage.links import Link
from services.retention.storage.schedules import Dated
from shared.db import Connection
from shared.errors import Raced
from shared.ids import nominal_ref
from shared.policy import Pack

MARKS_MAX = 2_000  # Each holds a few locks, and locks live in shared memory.
CARRIED_MAX = 2_000  # Of more records than this the rest are marked, not settled in the same transaction.


class Superseded(Raced):
    """Another pack has come into force: what the old one would give must not be stored any more."""


class Bounds(NamedTuple):
    """What one round takes: so many marks, and where none are named those that have waited for so many seconds."""

    limit: int = MARKS_MAX
    waited: float = 0.0


ANY = Bounds()


class Settled(NamedTuple):
    """What one round did: marks claimed, marks done, schedules written."""

    claimed: int
    done: int
    written: int


async def behind(connection: Connection, now: datetime) -> timedelta:
    """Give for how long the oldest mark has waited: none should outlive its next tick."""
    since = await marks.oldest(connection)
    return max(now - since, timedelta(0)) if since else timedelta(0)


@dataclass(slots=True)
class Round:
    """One transaction's work: the subjects whose locks are held, and those to be marked again."""

    connection: Connection
    pack: Pack
    now: datetime
    claimed: set[int]
    records: set[int]
    persons: set[int]
    records_again: set[int] = field(default_factory=set)
    persons_again: set[int] = field(default_factory=set)
    facts: dict[int, list[Fact]] = field(default_factory=dict)
    derived: dict[int, OfRecord] = field(default_factory=dict)
    links: dict[int, list[Link]] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    lately: Lately = field(default_factory=Lately)
    people: dict[int, Person] = field(default_factory=dict)
    """Those whom this round has settled, as they are stored."""
    executed: set[int] = field(default_factory=set)
    linked: dict[int, str] = field(default_factory=dict)
    before: dict[int, Dated] = field(default_factory=dict)
    marked: set[int] = field(default_factory=set)
    """Whose facts have changed through another record: marked whether or not they are settled here."""

    def later(self, records: set[int]) -> None:
        """Leave records for another round."""
        self.records -= records
        self.records_again |= records


async def settle(
    connection: Connection,
    pack: Pack,
    now: datetime,
    these: Sequence[int] | None = None,
    *,
    bounds: Bounds = ANY,
    lately: Lately | None = None,
) -> Settled:
    """Settle what is marked: the marks in `these`, or the oldest of those that have waited long enough.

    What records of one state say is taken from what was kept `lately`, where it was.
    """
    claimed = await marks.claim_marks(connection, bounds.limit, these, bounds.waited)
    if not claimed:
        return Settled(0, 0, 0)
    wanted = {mark.record_key for mark in claimed if mark.record_key is not None}
    people = {mark.nominal_key for mark in claimed if mark.nominal_key is not None}
    newest, records, persons = await locks.try_both(connection, wanted, people)
    if newest is not None and newest != pack.hash:
        raise Superseded("Another pack is in force; this process goes by it in a moment.")
    known = await read(connection, records, persons)
    work = Round(connection, pack, now, wanted, records, persons, known=known, lately=lately or Lately())
    if work.records:
        await _give(work)
    if work.persons:
        await _settle_persons(work)
    changed = await _date(work)
    await _store(work, changed, now)
    return Settled(len(claimed), await _conclude(work, claimed), len(changed))


class Carried(NamedTuple):
    """What carrying records along did: schedules written, and records left for a settle."""

    written: int
    marked: int


async def carry(connection: Connection, pack: Pack, records: set[int], now: datetime) -> Carried:
    """Date records anew from their sides and persons as stored; those in somebody's hands are marked.

    What does not move is not written: it goes on citing the pack that dated it.
    """
    got = await locks.try_records(connection, records)
    work = Round(connection, pack, now, set(), got, set(), records_again=records - got)
    dated = await _date(work)
    moved = {key: each for key, each in dated.items() if work.before[key].schedule != each.schedule}
    await _store(work, moved, now)
    await marks.insert_marks(connection, work.records_again, ())
    return Carried(len(moved), len(work.records_again))


async def _store(work: Round, changed: dict[int, Dated], now: datetime) -> None:
    whys = {key: moved_by(work.before.get(key), dated, work.linked.get(key)) for key, dated in changed.items()}
    await superseded.keep(work.connection, work.before, changed, whys)
    await schedules.store_schedules(work.connection, changed, whys, now)
    await _put(work, changed, now)


async def _put(work: Round, changed: dict[int, Dated], now: datetime) -> None:
    """Ask for a review of each cause that has come to stand in a schedule, and no more of what stands there no more."""
    had = {key: was.schedule.cause if (was := work.before.get(key)) else None for key in changed}
    for cause in {each for each in (*had.values(), *(each.schedule.cause for each in changed.values())) if each}:
        stands = {key for key, each in changed.items() if each.schedule.cause == cause}
        stood = {key for key, was in had.items() if was == cause}
        if stands - stood:
            await wanted.want(work.connection, stands - stood, cause, now)
        if stood - stands:
            await wanted.want_no_more(work.connection, stood - stands, cause)


async def _give(work: Round) -> None:
    """Derive what each record gives its persons; persons so touched are settled too, or marked."""
    work.derived = await cases.derive(work)
    links = await work.known.of(stored_links.links_of, work.connection, work.records)
    before = await work.known.of(stored_links.traits_stored, work.connection, work.records)
    traits = {key: found.traits for key, found in work.derived.items()}
    new = {key: each for key, each in traits.items() if stored_links.listed(each) != before[key].traits}
    work.links = {key: _given_now(work, key, its) for key, its in links.items()}
    pairs = [pair for key, its in links.items() for pair in zip(work.links[key], its, strict=True)]
    changed = [now for now, was in pairs if now != was]
    offends = ((now.record_key, of_link(was.given.offending, now.given.offending)) for now, was in pairs)
    work.linked = {key: code for key, code in offends if code}
    await stored_links.update(work.connection, new, changed)
    known = {key: work.facts[key] for key in work.derived.keys() - work.executed}
    await causes.of_records(work.connection, work.pack, known, links)
    touched = {link.nominal_key for link in changed} - work.persons
    got = await locks.try_persons(work.connection, touched)
    work.persons |= got
    work.persons_again |= touched - got


def _given_now(work: Round, record: int, links: Sequence[Link]) -> list[Link]:
    """Give the links of a record with what it gives by all its facts; one that went gives nothing any more."""
    gives: dict[UUID, Given] = {}
    if derived := work.derived.get(record):
        gives = dict.fromkeys(derived.gone, Given(unlinked=True))
        if record not in work.executed:
            gives |= {nominal_ref(*nominal): given for nominal, given in derived.gives.items()}
    return [link._replace(given=gives.get(link.nominal_ref, Given())) for link in links]


async def _settle_persons(work: Round) -> None:
    """Derive the persons whose locks are held, and lock the records that those who changed carry."""
    tied = await _whole(work)
    facts = await work.known.of(stored_facts.facts_of_persons, work.connection, work.persons)
    given = await stored_links.given_to(work.connection, {k: counts_from(facts[k], work.pack) for k in work.persons})
    before = await work.known.of(schedules.rooted_stored, work.connection, work.persons)
    now = identities.rooted(facts, given, tied, work.pack)
    await causes.of_persons(work.connection, work.pack, facts, given)
    work.people = {key: each.person for key, each in now.items()}
    changed = {key: each for key, each in now.items() if before.get(key) != each}
    if not changed:
        return
    moved = {key for key, each in changed.items() if key not in before or before[key].person != each.person}
    carried = await schedules.store_persons(work.connection, changed, moved)
    # A record that is claimed and not held must not come back here: its mark would go with its new facts unread.
    carried -= work.records | work.claimed
    # A side that was stored before deaths were looked at does not tell when the conduct was: its facts do.
    died = {key for key in moved if key in before and before[key].person.died_on != changed[key].person.died_on}
    work.marked |= await stored_links.carried_by(work.connection, sorted(died)) & carried if died else set()
    tried = sorted(carried)[:CARRIED_MAX]
    got = await locks.try_records(work.connection, tried)
    work.records |= got
    work.records_again |= carried - got


async def _whole(work: Round) -> list[identities.Tied]:
    """Hold of those whom a merge ever tied all or nobody: their schedules are written together."""
    ties = await work.known.ties(work.connection, work.persons)
    if not ties:
        return []
    wanted = work.persons | {key for group in ties.values() for key in group}
    had = set(work.persons)
    work.persons |= await locks.try_persons(work.connection, wanted - had)
    ties = await merges.ties(work.connection, work.persons)  # A merge may have come before the last of them was had.
    broken = {key for key, group in ties.items() if not group <= work.persons}
    work.persons -= broken
    work.persons_again |= broken & had
    tied = await identities.tied_of(work.connection, ties.keys() - broken, work.pack)
    grown = {key for each in tied if not each.persons.keys() <= work.persons for key in each.persons}
    work.persons -= grown  # By a merge that came since; its mark brings them back.
    work.persons_again |= grown & had
    tied = [each for each in tied if not each.persons.keys() & grown]
    await identities.ask(work.connection, tied)
    return tied


async def _date(work: Round) -> dict[int, Dated]:
    """Derive the schedules of the records that may be dated now; gives those that changed."""
    return await cases.date(work, await _ready(work, set(work.records)), _ready)


async def _ready(work: Round, keys: set[int]) -> dict[int, Ready]:
    """Gather what dates records, their persons shared; those whose persons are not to be had are left."""
    carried = keys - work.links.keys()
    work.links |= await stored_links.links_of(work.connection, carried)
    work.executed |= await stored_links.executed_among(work.connection, carried)
    links = {key: _dating(work.links[key]) for key in keys}
    needed = {link.nominal_key for its in links.values() for link in its}
    held = work.persons | await locks.try_persons(work.connection, needed - work.persons, shared=True)
    people = await schedules.persons_stored(work.connection, needed - work.people.keys()) | work.people
    work.later({key for key, its in links.items() if not all(_known(link, held, people, work.pack) for link in its)})
    work.before |= await work.known.of(schedules.schedules_stored, work.connection, keys)
    ready = {}
    for key in (keys & work.records) - work.executed:
        # One that is carried along is dated from its side as stored; one never settled has a mark of its own.
        before = work.before.get(key)
        side = work.derived[key].side if key in work.derived else before.side if before else None
        if side is not None:
            persons = [people[link.nominal_key] for link in links[key] if link.given.offending]
            aged = [Aged(link.given.aged, people[link.nominal_key]) for link in links[key] if link.given.aged]
            ready[key] = Ready(side, persons, aged)
    return ready


def _dating(links: Sequence[Link]) -> list[Link]:
    return [link for link in links if link.given.offending or link.given.aged]


def _known(link: Link, held: set[int], people: dict[int, Person], pack: Pack) -> bool:
    """Say whether a record may be dated by this person: locked, and settled since the first link that groups them."""
    person = people.get(link.nominal_key)
    if link.nominal_key not in held or person is None:
        return False
    return person.group is not None or not groups(link.given, person, pack)


async def _conclude(work: Round, claimed: Sequence[marks.Mark]) -> int:
    """Delete the marks of what is settled, and mark what is left."""
    records, persons = work.records - work.records_again, work.persons - work.persons_again
    done = [mark.mark_id for mark in claimed if mark.record_key in records or mark.nominal_key in persons]
    await marks.delete_marks(work.connection, done)
    persons_claimed = {mark.nominal_key for mark in claimed}
    again = (work.records_again - work.claimed) | work.marked
    await marks.insert_marks(work.connection, again, work.persons_again - persons_claimed)
    return len(done)
