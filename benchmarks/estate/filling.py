"""Fills an estate's tables run by run, in processes of their own: COPY what is given, derive by the product's rules."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from benchmarks.estate import lives
from benchmarks.estate.facts import NOW, Shapes, birth_fact, contact_fact, nominal_uid, record_uid, state_uid
from benchmarks.estate.lives import AS_OF, Life
from services.retention.domain import Aged, Fact, Given, counts_from, of_schedule, person_of
from services.retention.domain.changes import FIRST
from services.retention.storage import facts as stored
from services.retention.storage import links, schedules
from services.retention.storage.schedules import Dated, Rooted
from shared.db import BY_KEY, Connection, connect, driver, transaction
from shared.ids import salts
from shared.log import draw
from shared.policy import Pack, read_pack
from tools.stack.paths import ROOT

RUN = 10_000  # Records or nominals of one transaction.
SEALED = 2_000  # Rows of one log row, as settling makes them.
SETTINGS = {
    **BY_KEY,
    "search_path": "retention",
    "synchronous_commit": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
PACK = ROOT / "policy" / "demonstration.toml"
_COLUMN = {"group": "grp"}  # The others have their field's name.
_RECORD = ["record_key", "record_uid", "record_types", "source_systems", "units", "offences", "spans"]
_FACT = ["event_uid", "kind", "record_key", "nominal_key", "sequence", "on_date", "known_at", "received_on"]
_FACT += ["canonical", "salt", "log_id"]
_LINK = ["record_key", "nominal_key", *(_COLUMN.get(name, name) for name in Given.__struct_fields__)]


class Told(NamedTuple):
    """What a filling process is told."""

    url: str
    records: int
    kept: str | None
    """A new pack's text, where the schedules are to be dated by it."""


class Filler:
    """One process's share of the filling."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.pack = pack_of(told.kept)
        self.shapes = Shapes(self.pack)
        url = told.url.replace("postgresql://", "postgresql+asyncpg://")
        self.engine = connect(url, name="estate", pool_size=1, **SETTINGS)

    async def records(self, run: range) -> int:
        """Keep records with their states and links."""
        given = list(lives.records_from(run.start, len(run), self.told.records))
        async with transaction(self.engine) as connection:
            raw = await driver(connection)
            uids = {life.number: record_uid(life.number) for life in given}
            rows = [(life.number + 1, uids[life.number], *self.shapes.of(life.shape).traits) for life in given]
            await raw.copy_records_to_table("record", records=rows, columns=_RECORD)
            canonical = (self.shapes.canonical(life, uids[life.number]) for life in given)
            facts = [
                Fact(state_uid(life.number), "record_state", life.number + 1, bytes_, 1)
                for life, bytes_ in zip(given, canonical, strict=True)
            ]
            await _keep(connection, facts, of_records=True)
            await raw.copy_records_to_table("link", records=self._links(given), columns=_LINK)
        return len(run)

    def _links(self, given: Iterable[Life]) -> list[tuple[Any, ...]]:
        return [
            (life.number + 1, number + 1, *msgspec.structs.astuple(self.shapes.of(life.shape).given))
            for life in given
            for number in life.nominals
        ]

    async def nominals(self, run: range) -> int:
        """Keep nominals with their states and contacts, and date them by these and by their links."""
        facts: dict[int, list[Fact]] = {}
        for birth in lives.births_from(run.start, len(run)):
            its = facts.setdefault(birth.number + 1, [birth_fact(birth, self.pack)])
            if birth.contact_on:
                its.append(contact_fact(birth.number, birth.contact_on, self.pack))
        async with transaction(self.engine) as connection:
            raw = await driver(connection)
            rows = [(number + 1, nominal_uid(number)) for number in run]
            await raw.copy_records_to_table("nominal", records=rows, columns=["nominal_key", "nominal_ref"])
            await _keep(connection, [fact for its in facts.values() for fact in its], of_records=False)
            wanted = {key: counts_from(its, self.pack) for key, its in facts.items()}
            given = await links.given_to(connection, wanted)
            persons = {key: Rooted(person_of(its, given[key], self.pack), key) for key, its in facts.items()}
            await schedules.store_persons(connection, persons)
        return len(run)

    async def schedules(self, run: range) -> int:
        """Date records by their sides and persons."""
        given = list(lives.records_from(run.start, len(run), self.told.records))
        async with transaction(self.engine) as connection:
            for at in range(0, len(given), SEALED):
                await self._date(connection, given[at : at + SEALED])
        return len(run)

    async def _date(self, connection: Connection, given: Sequence[Life]) -> None:
        people = await schedules.persons_stored(connection, {number + 1 for life in given for number in life.nominals})
        dated = {}
        for life in given:
            shaped = self.shapes.of(life.shape)
            linked = [people[number + 1] for number in life.nominals]
            persons = linked if shaped.given.offending else []
            aged = [Aged(shaped.given.aged, person) for person in linked] if shaped.given.aged else []
            schedule = of_schedule(shaped.found.side, persons, self.pack, aged)
            dated[life.number + 1] = Dated(schedule, shaped.found.side, self.pack.hash)
        await schedules.store_schedules(connection, dated, dict.fromkeys(dated, FIRST), NOW)


async def _keep(connection: Connection, facts: Sequence[Fact], *, of_records: bool) -> None:
    raw = await driver(connection)
    for at in range(0, len(facts), SEALED):
        some, log_id = facts[at : at + SEALED], await draw(connection)
        rows = []
        for fact, salt in zip(some, salts(len(some)), strict=True):
            keys = (fact.subject, None) if of_records else (None, fact.subject)
            on = (fact.sequence, fact.on_date, NOW, AS_OF)
            rows.append((fact.event_uid, fact.kind, *keys, *on, fact.canonical, salt, log_id))
        await raw.copy_records_to_table("fact", records=rows, columns=_FACT)
        sealed = [(row[-2], row[-3]) for row in rows]
        await stored.put_sealed(connection, stored.FACTS_KEPT, sealed, log_id, NOW)


def pack_of(text: str | None = None) -> Pack:
    """Read the estate's pack, or another's text."""
    return read_pack(text.encode() if text else PACK.read_bytes(), PACK.name)


_state: dict[str, Any] = {}


def begin(told: Told) -> None:
    """Prepare a process."""
    _state["loop"] = asyncio.new_event_loop()
    _state["filler"] = Filler(told)


def fill(what: str, run: range) -> int:
    """Do one run of one thing; gives how many it was."""
    work: Callable[[range], Awaitable[int]] = getattr(_state["filler"], what)
    done: int = _state["loop"].run_until_complete(work(run))
    return done
