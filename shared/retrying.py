"""Dead letters brought back: read once more by the service's own action, each in one transaction."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka import ConsumerRecord

from shared.batches import Span
from shared.bodies import open_body
from shared.calendar_rules import add
from shared.clock import policy_day, wall_clock
from shared.db import Connection, driver, transaction, transient
from shared.dead_letters import Again
from shared.ids import receipt_id
from shared.letters import WAITS
from shared.positions import Place
from shared.worker import Worker

log = logging.getLogger(__name__)

TEND_SECONDS = 2
LETTERS_PER_TEND_MAX = 20
TRYING_FOR_MAX = timedelta(minutes=1)  # One tried for longer ended its process: it waits again, as a defect.

# Real time: how long a try takes is no policy.
_CLAIM = """
UPDATE letter_state s SET state = 'trying', tried_at = clock_timestamp(), attempts = attempts + 1, version = version + 1
FROM (SELECT letter_id FROM letter_state WHERE state = 'asked' ORDER BY letter_id LIMIT $1 FOR UPDATE SKIP LOCKED) c
WHERE s.letter_id = c.letter_id RETURNING s.letter_id"""
_LEFT = """
UPDATE letter_state s SET state = 'open', refused = 'defect', version = version + 1
FROM (SELECT letter_id FROM letter_state WHERE state = 'trying' AND tried_at < clock_timestamp() - $1::interval
    FOR UPDATE SKIP LOCKED) c WHERE s.letter_id = c.letter_id"""
_DATE = "UPDATE letter_state SET review_on = $1 WHERE review_on IS NULL AND state IN ('open', 'asked', 'trying')"
_TRY = """
SELECT d.*, s.state FROM letter_state s JOIN dead_letter d USING (letter_id) WHERE letter_id = $1 FOR UPDATE OF s"""
_END = """
UPDATE letter_state SET state = $2, refused = $3, version = version + 1 WHERE letter_id = $1 AND state = 'trying'"""
_SUPERSEDED = """
UPDATE letter_state s SET state = 'superseded', version = version + 1 FROM dead_letter d
WHERE d.letter_id = s.letter_id AND s.state = 'open' AND d.topic = $1 AND {later}
RETURNING d.cluster, d.topic, d.incarnation, d.part, d."offset\""""

Taken = Callable[[Connection, UUID, datetime], Awaitable[None]]


async def nothing_parked(_: Connection, __: UUID, ___: datetime) -> None:
    """Leave everything as it is: a service that parks no subject has nothing to free."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is a service's own about its letters.

    `later` says, by topic, in SQL over a letter `d`, that a later version of its subject was taken in since;
    `settled` hears of each letter that keeps nothing waiting any more, by the id under which it was parked.
    """

    later: Mapping[str, str] = field(default_factory=dict)
    settled: Taken = nothing_parked


class _Refused(Exception):
    """The letter still cannot be used; undoes what its reading wrote."""


class Letters:
    """Reads asked-for letters once more, each in one transaction, and keeps their review dates."""

    def __init__(self, worker: Worker, rules: Rules) -> None:
        self._worker, self._rules = worker, rules

    async def tend(self) -> None:
        """Give new letters their review date, mark those outdated, and read again what was asked for."""
        now = wall_clock()
        async with transaction(self._worker.engine) as connection:
            raw = await driver(connection)
            if not await raw.fetchval("SELECT EXISTS (SELECT FROM letter_state WHERE state = ANY($1))", WAITS):
                return
            pack = await self._worker.packs.current(connection)
            today = await policy_day(connection, now, pack.zone)
            await raw.execute(_DATE, add(today, pack.quarantine.review, pack.leap))
            await raw.execute(_LEFT, TRYING_FOR_MAX)
            await self._outdate(connection, now)
            asked = [row[0] for row in await raw.fetch(_CLAIM, LETTERS_PER_TEND_MAX)]
        for letter_id in asked:  # The claim is committed: one that ends the process is not tried for ever.
            await self._read(letter_id)

    async def _outdate(self, connection: Connection, now: datetime) -> None:
        raw = await driver(connection)
        for topic, later in self._rules.later.items():
            for row in await raw.fetch(_SUPERSEDED.format(later=later), topic):
                await self._rules.settled(connection, receipt_id(*row), now)

    async def _read(self, letter_id: int) -> None:
        try:
            async with transaction(self._worker.engine) as connection:
                await self._take(connection, letter_id)
        except _Refused as refused:
            await self._reopen(letter_id, str(refused))
        except Exception as error:
            if transient(error):
                raise  # It stays `trying`, and waits again in a minute.
            said = {"action": "letter_defect", "letter": letter_id, "cause": type(error).__name__}
            log.error("A dead letter that was read once more met a defect; it waits on.", extra=said)
            await self._reopen(letter_id, "defect")
        else:
            self._worker.relay.wake.set()

    async def _take(self, connection: Connection, letter_id: int) -> None:
        raw = await driver(connection)
        row = await raw.fetchrow(_TRY, letter_id)
        if row is None or row["state"] != "trying":
            return
        handle = self._worker.handlers.get(row["topic"])
        if handle is None:
            raise _Refused("topic_not_read")
        again = _again(row, await open_body(connection, self._worker.keys, row["body_id"]))
        await handle(connection, again)
        if again.refused:
            raise _Refused(again.refused[0].reason)
        await raw.execute(_END, letter_id, "taken", None)
        await self._rules.settled(connection, receipt_id(*again.spans[0].place, row["offset"]), wall_clock())

    async def _reopen(self, letter_id: int, why: str) -> None:
        async with transaction(self._worker.engine) as connection:
            await (await driver(connection)).execute(_END, letter_id, "open", why)


def _again(row: asyncpg.Record, content: bytes) -> Again:
    """Make a batch of one letter, as the broker gave it."""
    place = Place(row["cluster"], row["topic"], row["incarnation"], row["part"])
    headers = [(name, value.encode()) for name, value in (row["headers"] or {}).items()]
    key = row["key"].encode() if row["key"] is not None else None
    record = ConsumerRecord(
        *(row["topic"], row["part"], row["offset"], int(row["at"].timestamp() * 1000), 1, key, content or None),
        *(None, -1, len(content), headers),
    )
    span = Span(place, [record], row["offset"], row["offset"] + 1)
    return Again(None, [span], 0.0)  # type: ignore[arg-type]  # Nobody settles it but us.


def attach(worker: Worker, rules: Rules) -> None:
    """Have a worker tend its service's dead letters."""
    worker.tick("letters", TEND_SECONDS, Letters(worker, rules).tend)
