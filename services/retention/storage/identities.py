"""What a steward is asked about identities: settling asks and takes back, a steward answers."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.domain import Waiting
from shared.db import Connection, driver

_ASK = """
INSERT INTO identity (event_uid, what, nominal_key, between, since)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event_uid) DO UPDATE SET between = excluded.between, state = 'waiting',
    answered_by = NULL, version = identity.version + 1
WHERE identity.state <> 'waiting' OR identity.between <> excluded.between"""
_WAIT_NO_MORE = """
UPDATE identity SET state = CASE WHEN answered_by IS NULL THEN 'settled' ELSE 'answered' END, version = version + 1
WHERE nominal_key = ANY($1::bigint[]) AND state = 'waiting' AND event_uid <> ALL($2::uuid[])"""
_SHOWN = """
SELECT i.event_uid, i.what, n.nominal_ref AS about, i.between, i.since, i.state, i.answered_by, i.version,
    i.nominal_key, f.on_date AS "on"
FROM identity i JOIN nominal n USING (nominal_key) LEFT JOIN fact f USING (event_uid)"""
_PAGE = f"""{_SHOWN}
WHERE i.state = $1 AND ($2::uuid IS NULL OR i.event_uid > $2) ORDER BY i.event_uid LIMIT $3"""
_OF = "SELECT event_uid FROM identity WHERE state = 'waiting' AND between && $1::uuid[] ORDER BY event_uid"


class Question(NamedTuple):
    """What a steward is asked, or was."""

    event_uid: UUID
    what: str
    about: UUID
    between: list[UUID]
    since: date
    state: str
    answered_by: str | None
    version: int
    nominal_key: int
    on: date | None


async def ask(
    connection: Connection, nominals: Collection[int], waiting: Iterable[Waiting], keys: Mapping[UUID, int]
) -> None:
    """Ask what waits about nominals that are worked out together, and no longer what does not."""
    raw, asked = await driver(connection), list(waiting)
    await raw.execute(_WAIT_NO_MORE, sorted(nominals), [each.event_uid for each in asked])
    for each in asked:
        await raw.execute(_ASK, each.event_uid, each.what, keys[each.about], sorted(each.between), each.since)


async def page(connection: Connection, state: str, after: UUID | None, limit: int) -> list[Question]:
    """List questions in the order of their ids."""
    return await _read(connection, _PAGE, state, after, limit)


async def about(connection: Connection, nominals: Collection[UUID]) -> list[UUID]:
    """List what waits about these nominals."""
    return [row[0] for row in await (await driver(connection)).fetch(_OF, list(nominals))]


async def find(connection: Connection, event_uid: UUID) -> Question | None:
    """Find one question."""
    found = await _read(connection, f"{_SHOWN} WHERE i.event_uid = $1", event_uid)
    return found[0] if found else None


async def answered(connection: Connection, event_uid: UUID, by: str) -> None:
    """Note that a steward has answered."""
    statement = "UPDATE identity SET state = 'answered', answered_by = $2, version = version + 1 WHERE event_uid = $1"
    await (await driver(connection)).execute(statement, event_uid, by)


async def _read(connection: Connection, statement: str, *values: Any) -> list[Question]:
    return [Question(*row) for row in await (await driver(connection)).fetch(statement, *values)]
