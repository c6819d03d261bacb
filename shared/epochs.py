"""Key epochs: asked for, begun, their live keys moved to the next, ended by two people, their keys destroyed."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from asyncpg import exceptions as pg

from shared.db import Connection, driver
from shared.errors import Conflict, NotFound, Overloaded
from shared.events import CHECKPOINTS, CONFIRMATIONS, DisposalConfirmed, EpochEnded, encode
from shared.ids import named
from shared.keys import Keys, unwrap, wrap
from shared.log import Entry, put

ASKED, BEGUN = "tenure.epoch.asked.v1", "tenure.epoch.begun.v1"
END_PROPOSED, END_AGREED = "tenure.epoch.end-proposed.v1", "tenure.epoch.end-agreed.v1"
LOCK_MS_MAX = 2_000  # For so long at most others wait for an epoch's end; then it gives way.
COUNT_MS_MAX = 300_000  # Every body is counted.
_REPORTERS = ("intake", "review")  # Who confirms disposals to retention also tells it when an epoch's key went.

_ALL = """
SELECT epoch, asked_by, asked_at, began_at, end_proposed_by, ended_by, ended_at, destroyed_at, version
FROM epoch ORDER BY epoch"""
_CURRENT = """
SELECT epoch, began_at FROM epoch WHERE began_at IS NOT NULL AND ended_at IS NULL ORDER BY epoch DESC LIMIT 1"""
_ASK = "INSERT INTO epoch (epoch, asked_by, asked_at) VALUES ($1, $2, $3)"
_PROPOSE = "UPDATE epoch SET end_proposed_by = $2, version = version + 1 WHERE epoch = $1"
_DESTROYED = """
UPDATE epoch SET destroyed_at = $2, version = version + 1
WHERE epoch = $1 AND ended_at IS NOT NULL AND destroyed_at IS NULL RETURNING began_at, ended_at, version"""


class Epoch(NamedTuple):
    """One epoch as the database has it."""

    epoch: int
    asked_by: str
    asked_at: datetime
    began_at: datetime | None
    end_proposed_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    destroyed_at: datetime | None
    version: int

    @property
    def state(self) -> str:
        """Name how far it has come."""
        if self.began_at is None:
            return "asked"
        if self.ended_at is None:
            return "open"
        return "ended" if self.destroyed_at is None else "destroyed"


class Left(NamedTuple):
    """What keeps an epoch from ending, counted from both sides."""

    keys: int
    bodies: int


class Said(NamedTuple):
    """What the ledger keeps of a step: which epoch of whom, who asked for it, when."""

    service: str
    epoch: int
    by: str
    at: datetime


async def listed(connection: Connection) -> list[Epoch]:
    """Give every epoch there ever was, the oldest first."""
    return [Epoch(*row) for row in await (await driver(connection)).fetch(_ALL)]


async def found(connection: Connection, epoch: int) -> Epoch:
    """Give one epoch, or refuse by its number."""
    for each in await listed(connection):
        if each.epoch == epoch:
            return each
    raise NotFound(f"There is no epoch {epoch}. `GET /v1/epochs` lists those there are.", "epoch_unknown")


async def ask(connection: Connection, service: str, by: str, now: datetime) -> int:
    """Ask for the next epoch; a worker makes its key and begins it. Refused while an older one waits for its end."""
    known = await listed(connection)
    unfinished = [each for each in known if each.state in ("asked", "open")]
    if unfinished[-1].state == "asked":
        raise Conflict(f"Epoch {unfinished[-1].epoch} is asked for and begins shortly.", "epoch_asked")
    if len(unfinished) > 1:
        message = f"Epoch {unfinished[0].epoch} has not ended. Re-wrap its keys and end it, then begin another."
        raise Conflict(message, "epoch_not_ended")
    number = known[-1].epoch + 1
    try:
        await (await driver(connection)).execute(_ASK, number, by, now)
    except pg.UniqueViolationError:
        raise Conflict(f"Epoch {number} is asked for and begins shortly.", "epoch_asked") from None
    await put(connection, [_entry(ASKED, 1, Said(service, number, by, now))], now)
    return number


async def begin(connection: Connection, service: str, epoch: int, now: datetime) -> bool:
    """Open an epoch whose key is made: from this commit on, new bodies go under it. Says whether it did."""
    opened: bool = await (await driver(connection)).fetchval("SELECT open_epoch($1, $2)", epoch, now)
    if opened:
        await put(connection, [_entry(BEGUN, 2, Said(service, epoch, "worker", now))], now)
    return opened


async def current(connection: Connection) -> tuple[int, datetime]:
    """Give the newest epoch and when it began: on its end, the latest of all, a disposal's older backups hang."""
    row = await (await driver(connection)).fetchrow(_CURRENT)
    assert row is not None, "the newest epoch cannot end"
    return row["epoch"], row["began_at"]


def hanging_on(answer: DisposalConfirmed, newest: tuple[int, datetime]) -> DisposalConfirmed:
    """Say in an answer on which epoch older backups of what was erased hang; of nothing erased, on none."""
    if not answer.bodies:
        return answer
    return msgspec.structs.replace(answer, epoch=newest[0], epoch_began_at=newest[1])


async def rewrap(connection: Connection, keys: Keys, epoch: int, after: int, limit: int) -> tuple[int, int | None]:
    """Move the next keys of an epoch, past body `after`, into the newest; gives how many, and the last (None: no more).

    A key that a shredding or another re-wrap has locked is passed over; whoever goes on until none is left comes back.
    """
    raw = await driver(connection)
    newest, _ = await current(connection)
    if newest <= epoch:
        raise Conflict(f"Epoch {epoch} is the newest. Begin another first.", "epoch_newest")
    old, new = await keys.wrapper(epoch), await keys.wrapper(newest)
    rows = await raw.fetch("SELECT id, wrap FROM claim_keys($1, $2, $3)", epoch, after, limit)
    if not rows:
        return 0, None
    data_keys = [(row["id"], unwrap(old, row["id"], row["wrap"])) for row in rows]
    fresh = wrap(new, data_keys)
    for (body_id, data_key), wrapped in zip(data_keys, fresh, strict=True):
        assert unwrap(new, body_id, wrapped) == data_key, "what cannot be opened again must not replace what can"
    ids = [body_id for body_id, _ in data_keys]
    moved: int = await raw.fetchval("SELECT rewrap_keys($1, $2, $3, $4)", epoch, newest, ids, fresh)
    assert moved == len(ids), "the rows are locked by this transaction"
    return moved, ids[-1]


async def propose_end(connection: Connection, service: str, epoch: Epoch, by: str, now: datetime) -> None:
    """Propose that an epoch ends; another person must agree."""
    _refuse_unless_ending(epoch)
    await (await driver(connection)).execute(_PROPOSE, epoch.epoch, by)
    await put(connection, [_entry(END_PROPOSED, epoch.version + 1, Said(service, epoch.epoch, by, now))], now)


def _refuse_unless_ending(epoch: Epoch) -> None:
    if epoch.state != "open":
        raise Conflict(f"Epoch {epoch.epoch} is {epoch.state}; only an open one can end.", "epoch_not_open")


async def end(connection: Connection, service: str, epoch: Epoch, by: str, now: datetime) -> None:
    """End an epoch, as the second person; refused, with both counts, while one live key is left under it.

    Held or not makes no difference: a key that is there is live.
    """
    _refuse_unless_ending(epoch)
    if epoch.end_proposed_by is None:
        raise Conflict("Nobody has proposed that this epoch ends. Propose it; then another approves.", "not_proposed")
    if epoch.end_proposed_by == by:
        raise Conflict("Who proposed the end cannot approve it too; another person must.", "same_person")
    newest = max(each.epoch for each in await listed(connection) if each.state == "open")
    if newest <= epoch.epoch:
        raise Conflict("The newest epoch cannot end. Begin another, then re-wrap this one's keys.", "epoch_newest")
    left = await _end(connection, epoch.epoch, by, now)
    if any(left):
        raise Conflict(
            f"Epoch {epoch.epoch} cannot end: {left.keys} live keys are wrapped under it, and {left.bodies} bodies "
            "have no key of another epoch. Run `./tenure epoch rewrap`, then approve again.",
            "epoch_has_live_keys",
        )
    await put(connection, [_entry(END_AGREED, epoch.version + 1, Said(service, epoch.epoch, by, now))], now)


async def _end(connection: Connection, epoch: int, by: str, now: datetime) -> Left:
    raw = await driver(connection)
    await raw.execute(f"SET LOCAL lock_timeout = {LOCK_MS_MAX}; SET LOCAL statement_timeout = {COUNT_MS_MAX}")
    try:
        async with raw.transaction():  # Within ours: a refusal undoes nothing that the answer relies on.
            row = await raw.fetchrow("SELECT keys_left, bodies_left FROM end_epoch($1, $2, $3)", epoch, by, now)
    except pg.LockNotAvailableError:
        raise Overloaded("Content is being written without a pause. Approve again in a moment.", "epoch_busy") from None
    assert row is not None, "the function gives one row"
    return Left(*row)


async def destroyed(connection: Connection, service: str, keys: Keys, epoch: int, now: datetime) -> bool:
    """Write down that an ended epoch's key is gone, and tell those whose dates hang on it. Says whether it was new."""
    row = await (await driver(connection)).fetchrow(_DESTROYED, epoch, now)
    if row is None:
        return False
    said = EpochEnded(service, epoch, row["began_at"], row["ended_at"], now)
    said = msgspec.structs.replace(said, signature=keys.ledger.sign(said.signed()).hex())
    topics = (CHECKPOINTS, CONFIRMATIONS) if service in _REPORTERS else (CHECKPOINTS,)
    key, subject = _key(service, epoch), _subject(service, epoch)
    await put(
        connection, [Entry(topic, key, said.type, subject, row["version"], encode(said)) for topic in topics], now
    )
    return True


def _key(service: str, epoch: int) -> str:
    return f"{service}-epoch-{epoch}"


def _subject(service: str, epoch: int) -> UUID:
    return named(f"epoch\n{service}\n{epoch}")


def _entry(kind: str, version: int, said: Said) -> Entry:
    service, epoch = said.service, said.epoch
    return Entry(None, _key(service, epoch), kind, _subject(service, epoch), version, encode(said._asdict()))
