"""Who each nominal is: themselves, or one person with those whom the index merged with them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.retention.domain import Fact, Gifts, One, Waiting, identify, of_one, person_of
from services.retention.storage import facts as stored_facts
from services.retention.storage import merges
from services.retention.storage.links import ToPerson
from services.retention.storage.schedules import Rooted
from shared.db import Connection
from shared.policy import Pack


class Tied(NamedTuple):
    """Nominals worked out together: each one's person, the keys of all, and what waits for a steward."""

    persons: dict[int, One]
    keys: dict[UUID, int]
    waiting: list[Waiting]


async def tied_of(connection: Connection, nominals: Collection[int], pack: Pack) -> list[Tied]:
    """Work out those of these nominals whom a merge ever tied to others, each with all of those."""
    groups = set((await merges.ties(connection, nominals)).values())
    return [await _tied(connection, group, pack) for group in sorted(groups, key=min)]


async def _tied(connection: Connection, group: frozenset[int], pack: Pack) -> Tied:
    refs = await merges.refs_of(connection, group)
    facts = await stored_facts.facts_of_persons(connection, group)
    given = await merges.given_by_record(connection, group)
    own, gifts = {refs[key]: facts[key] for key in group}, {refs[key]: given[key] for key in group}
    shared = await merges.shared_records(connection, group)
    found = identify(own, Gifts(gifts, shared), pack)
    if any(merge.why for one in found.persons.values() for merge in one.merges):
        # Only where a merge does not stand can it be in doubt whom a trigger names.
        named = await merges.triggered_records(connection, group)
        found = identify(own, Gifts(gifts, shared | named), pack)
    persons = {key: found.persons[ref] for key, ref in refs.items()}
    return Tied(persons, {ref: key for key, ref in refs.items()}, found.waiting)


def rooted(
    facts: Mapping[int, Sequence[Fact]], given: Mapping[int, Sequence[ToPerson]], tied: Iterable[Tied], pack: Pack
) -> dict[int, Rooted]:
    """Derive persons: each from their own facts and gifts, those ever tied from what they have together."""
    found = {key: Rooted(of_one(one, pack), each.keys[one.root]) for each in tied for key, one in each.persons.items()}
    alone = facts.keys() - found.keys()
    return found | {key: Rooted(person_of(facts[key], given[key], pack), key) for key in alone}
