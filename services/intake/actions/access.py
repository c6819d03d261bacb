"""The log of views for those who oversee it, everybody's own for themselves; and the logs of one record."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from services.intake.actions import screening
from services.intake.actions.alerts import visible
from services.intake.domain.access import Link, links_of
from services.intake.domain.screening import Looker
from services.intake.storage import access as storage
from shared.bodies import open_body
from shared.db import Connection
from shared.errors import Forbidden, NotFound
from shared.keys import Keys
from shared.policy import Pack

OVERSEERS = frozenset({"professional_standards", "auditor", "data_protection_officer"})


async def find(
    connection: Connection, pack: Pack, looker: Looker, wanted: storage.Wanted, part: tuple[int | None, int, bool]
) -> tuple[list[Record], bool]:
    """List views and attempts; who does not oversee them sees their own, and what was shown to them alone."""
    after, limit, latest_first = part
    if not looker.roles & OVERSEERS:
        wanted = _own(wanted, looker)

    async def more(after: int | None) -> list[Record]:
        return await storage.page(connection, wanted, looker.staff_id, (after, limit + 1), latest_first=latest_first)

    return await visible(connection, pack, looker, more, ("access_id", after, limit))


def _own(wanted: storage.Wanted, looker: Looker) -> storage.Wanted:
    if wanted.actor not in (None, looker.staff_id):
        raise Forbidden("You may ask for your own views. Others' are for professional standards.", "not_yours")
    return wanted._replace(actor=looker.staff_id)


async def logs(
    connection: Connection, desk: tuple[Pack, Keys], who: tuple[Looker, UUID], part: tuple[Any, int]
) -> tuple[list[dict[str, Any]], bool]:
    """Give what was collected, altered, looked at, combined and erased of a record, in the order of time."""
    (pack, keys), (looker, record), (after, limit) = desk, who, part
    await screening.shown(connection, pack, looker, record)
    rows = await storage.logs(connection, record, after, limit + 1)
    changed = await _combined(connection, keys, record, rows[:limit])
    entries = [
        {
            "at": row["at"],
            "rank": row["rank"],
            "n": row["n"],
            "log": row["kind"],
            "told": changed[row["version"]] if row["kind"] == "combination" else row["told"],
        }
        for row in rows[:limit]
    ]
    return entries, len(rows) > limit


def tells(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry tells anything: a version that links whom the one before it did combines nothing."""
    told = entry["told"]
    return entry["log"] != "combination" or bool(told["linked"] or told["unlinked"]) or not told["compared"]


async def _combined(
    connection: Connection, keys: Keys, record: UUID, rows: Sequence[Record]
) -> Mapping[int, dict[str, Any]]:
    """Work out which persons each version linked and unlinked, against the one before it."""
    versions = {row["version"] for row in rows if row["kind"] == "combination"}
    held = await storage.bodies(connection, record, sorted(versions | {n - 1 for n in versions})) if versions else {}
    links = {n: await _links(connection, keys, body) for n, body in held.items()}
    found = {}
    for n in versions:
        now, before = links.get(n), links.get(n - 1) if n > 1 else frozenset()
        linked = now - (before or frozenset()) if now is not None else frozenset()
        unlinked = (before or frozenset()) - now if now is not None else frozenset()
        known = now is not None and before is not None
        found[n] = {"version": n, "linked": _told(linked), "unlinked": _told(unlinked), "compared": known}
    return found


async def _links(connection: Connection, keys: Keys, body: int | None) -> frozenset[Link] | None:
    if body is None:
        return None
    try:
        state = msgspec.json.decode(await open_body(connection, keys, body))
    except NotFound:  # Shredded since the list of versions was read.
        return None
    return links_of(state) if "source_system" in state else None  # A withdrawal has no state of its own.


def _told(links: frozenset[Link]) -> list[dict[str, Any]]:
    return [
        {"nominal_ref": ref, "role": role} for ref, role in sorted(links, key=lambda link: (link[0].bytes, link[1]))
    ]


Cursor = tuple[datetime, int, int]
