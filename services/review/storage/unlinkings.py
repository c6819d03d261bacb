"""Who went from which record, and whether upstream has sent a state that names them no more."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.db import Connection, driver
from shared.events import LinkEnded

# The newest state is the card's, but of a record withdrawn since: a withdrawal is no state.
_NAMES = """EXISTS (SELECT FROM card_link l WHERE l.record_id = c.card_id AND l.nominal_ref = ANY({nominals})
    AND l.sequence = c.sequence)"""
_GONE = "SELECT EXISTS (SELECT FROM erasure WHERE record_id = $1)"
_ASKED = f"""
SELECT NOT EXISTS (SELECT FROM card c WHERE c.card_id = $1 AND NOT c.facts ? 'withdrawn'
    AND NOT {_NAMES.format(nominals="$2::uuid[]")})"""
_KEEP = """
INSERT INTO unlinking (disposal_id, record_id, nominals, up_to, asked, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING true"""
_FORGET = "DELETE FROM card_link WHERE record_id = $1 AND nominal_ref = ANY($2::uuid[]) AND sequence <= $3"
# Whom it is about never sees it.
_OPEN = f"""
SELECT u.unlinking_id, u.disposal_id, u.record_id, u.nominals, u.up_to, u.at FROM unlinking u
WHERE u.asked AND u.unlinking_id > $1
    AND NOT EXISTS (SELECT FROM card_staff s WHERE s.staff_id = $2 AND s.role = 'nominal'
        AND s.card_id = ANY(u.nominals))
    AND NOT EXISTS (SELECT FROM card c WHERE c.card_id = u.record_id AND c.sequence > u.up_to
        AND NOT c.facts ? 'withdrawn' AND NOT {_NAMES.format(nominals="u.nominals")})
ORDER BY u.unlinking_id LIMIT $3"""


class Unlinking(NamedTuple):
    """A person who went from a record, and since when upstream is asked for a state without them."""

    unlinking_id: int
    disposal_id: UUID
    record_id: UUID
    nominals: list[UUID]
    up_to: int
    at: datetime


async def keep(connection: Connection, ended: LinkEnded, now: datetime) -> bool | None:
    """Forget the links of a person who went; says whether upstream is to be asked, None where it was done before."""
    raw = await driver(connection)
    if await raw.fetchval(_GONE, ended.record_id):
        return False  # Nothing of the record is here any more, nor upstream.
    asked: bool = await raw.fetchval(_ASKED, ended.record_id, ended.nominals)
    row = (ended.disposal_id, ended.record_id, ended.nominals, ended.sequence, asked, now)
    if not await raw.fetchval(_KEEP, *row):
        return None
    await raw.execute(_FORGET, ended.record_id, ended.nominals, ended.sequence)
    return asked


async def unanswered(connection: Connection, staff_id: str, after: int, limit: int) -> Sequence[Unlinking]:
    """List what upstream was asked for and has not sent, the longest asked for first."""
    raw = await driver(connection)
    return [Unlinking(*row) for row in await raw.fetch(_OPEN, after, staff_id, limit)]
