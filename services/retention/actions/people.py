"""Whoever dates records, by offending or by their age, with all that their derivation reads."""

from collections.abc import Iterable

from services.retention.domain import Linked, counts_from, together
from services.retention.storage import facts as stored_facts
from services.retention.storage import links as stored_links
from services.retention.storage.links import Link
from shared.db import Connection
from shared.policy import Pack


async def linked(connection: Connection, links: Iterable[Link], pack: Pack) -> dict[int, list[Linked]]:
    """Gather, record by record, those of its links who date it."""
    dating = [link for link in links if link.given.offending or link.given.aged]
    facts = await stored_facts.facts_of_persons(connection, {link.nominal_key for link in dating})
    given = await stored_links.given_to(connection, {key: counts_from(its, pack) for key, its in facts.items()})
    totals = {key: together(its, pack) for key, its in given.items()}
    found: dict[int, list[Linked]] = {}
    for link in dating:
        key, gift = link.nominal_key, link.given
        person = Linked(link.nominal_ref, tuple(facts[key]), *totals[key], gift.offending, gift.aged)
        found.setdefault(link.record_key, []).append(person)
    return found
