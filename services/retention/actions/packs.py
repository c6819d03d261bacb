"""A pack as retention goes by it: with what its changed rows leave those records to that were there before."""

from services.retention.domain.packs import succeed
from services.retention.storage import in_force
from shared.db import Connection
from shared.in_force import pack_of
from shared.policy import Pack


async def whole_pack(connection: Connection, pack_hash: str, known: Pack) -> Pack:
    """Read a pack, and the packs that were in force before it."""
    before: Pack | None = None
    for each in await in_force.before(connection, pack_hash):
        found = await pack_of(connection, each, known)
        before = succeed(before, found) if before else found
    pack = await pack_of(connection, pack_hash, known)
    return succeed(before, pack) if before else pack


async def cited_pack(connection: Connection, pack_hash: str, running: Pack) -> Pack:
    """Read a pack that a schedule cites, or that was in force on some day; most often it is the one that runs."""
    return running if pack_hash == running.hash else await whole_pack(connection, pack_hash, running)
