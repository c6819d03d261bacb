"""Whoever dates records, by offending or by their age, with all that their derivation reads."""

from collections.abc import Collection, Iterable

import msgspec

from services.retention.actions.identities import tied_of
from services.retention.domain import Linked, One, counting, counts_from, together
from services.retention.storage import facts as stored_facts
from services.retention.storage import links as stored_links
from services.retention.storage.links import Link
from shared.db import Connection
from shared.policy import Pack


async def linked(connection: Connection, links: Iterable[Link], pack: Pack) -> dict[int, list[Linked]]:
    """Gather, record by record, those of its links who date it; of one person's several nominals, the person."""
    dating = [link for link in links if link.given.offending or link.given.aged]
    persons = await _persons(connection, {link.nominal_key: link for link in dating}.values(), pack)
    found: dict[int, list[Linked]] = {}
    for link in dating:
        person, its = persons[link.nominal_key], found.setdefault(link.record_key, [])
        known = any(each.offending and each.nominal_ref == person.nominal_ref for each in its)
        offending = link.given.offending and not known
        if offending or link.given.aged:
            its.append(msgspec.structs.replace(person, offending=offending, aged=link.given.aged))
    return found


async def _persons(connection: Connection, links: Collection[Link], pack: Pack) -> dict[int, Linked]:
    keys = {link.nominal_key for link in links}
    tied = await tied_of(connection, keys, pack)
    found = {key: of_one(one, pack) for each in tied for key, one in each.persons.items()}
    alone = keys - found.keys()
    facts = await stored_facts.facts_of_persons(connection, alone)
    given = await stored_links.given_to(connection, {key: counts_from(facts[key], pack) for key in alone})
    for link in links:
        if (key := link.nominal_key) in alone:
            found[key] = Linked(link.nominal_ref, tuple(facts[key]), *together(given[key], pack))
    return found


def of_one(one: One, pack: Pack) -> Linked:
    """Give one person of several nominals as a derivation reads them."""
    totals = together(counting(one.given, counts_from(one.facts, pack)), pack)
    tied = {"members": one.members, "merges": one.merges, "waiting": one.waiting, "problem": one.problem}
    return msgspec.structs.replace(Linked(one.root, one.facts, *totals), **tied)
