"""Trails: of what somebody wants to see, the trace that it came with, kept for what happens to it years later.

A trace that its sender wants to see (W3C: sampled) is kept beside its subject, by the few lines that pass through
here; tasks, orders and certificates then go out under it. Where nobody asks to see anything, nothing is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from shared.db import Connection, columns, driver
from shared.log import Entry

TRAIL_DDL = "CREATE TABLE trail (subject uuid PRIMARY KEY, trace text NOT NULL, at timestamptz NOT NULL);\n"
TRAIL_GRANTS = """
GRANT SELECT ON trail TO tenure_{service}_api, tenure_{service}_worker, tenure_verify;
GRANT INSERT, UPDATE, DELETE ON trail TO tenure_{service}_worker;
"""
_FOLLOW = """
INSERT INTO trail SELECT u.subject, u.trace, $3 FROM unnest($1::uuid[], $2::text[]) u(subject, trace)
ON CONFLICT (subject) DO UPDATE SET trace = excluded.trace, at = excluded.at"""
_NEWEST = "SELECT subject, trace FROM trail WHERE subject = ANY($1::uuid[])"


async def follow(connection: Connection, traces: Iterable[tuple[str, str]], now: datetime) -> None:
    """Keep (subject, `traceparent`) pairs; of one subject the newest counts, what is no UUID is nobody's subject."""
    newest = {UUID(subject): trace for subject, trace in traces if len(subject) == len(str(UUID(int=0)))}
    if newest:
        raw = await driver(connection)
        await raw.execute(_FOLLOW, *columns(sorted(newest.items()), 2), now)


async def traced(
    connection: Connection, entries: Sequence[Entry], about: Sequence[Sequence[UUID]]
) -> tuple[Entry, ...]:
    """Give each entry the trace of the first of the subjects it is `about` that has one."""
    raw = await driver(connection)
    wanted = list({subject for each in about for subject in each})
    known: dict[UUID, str] = {row[0]: row[1] for row in await raw.fetch(_NEWEST, wanted)} if wanted else {}
    if not known:
        return tuple(entries)
    found = [next((known[subject] for subject in each if subject in known), None) for each in about]
    return tuple(replace(entry, trace=trace) for entry, trace in zip(entries, found, strict=True))


async def end(connection: Connection, subjects: Sequence[UUID]) -> None:
    """Forget the trails of subjects: nothing more will happen to them."""
    raw = await driver(connection)
    await raw.execute("DELETE FROM trail WHERE subject = ANY($1::uuid[])", subjects)


def along(entries: Iterable[Entry], traces: Mapping[str, str]) -> list[Entry]:
    """Give each entry the trace that the message about its key came with."""
    return [replace(entry, trace=traces.get(entry.key)) for entry in entries]
