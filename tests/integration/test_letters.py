"""Dead letters brought back: read once more by the service's own action, freeing what they kept from disposal."""

from types import SimpleNamespace

import pytest

from services.retention import agents
from services.retention.storage import letters as rules
from services.retention.storage import parked
from shared import letters
from shared.batches import Batch, Span
from shared.clock import wall_clock
from shared.db import driver, transaction
from shared.errors import Conflict, NotFound, PreconditionFailed, require_version
from shared.events import REGISTERED, encode
from shared.in_force import Packs
from shared.letters import Wanted
from shared.positions import Place
from shared.retrying import Letters, Rules
from tests.make_arrivals import KEYS
from tests.make_facts import PACK
from tests.make_lifecycle import own_engines, select, take
from tests.make_registered import record_state, uid

DESK = agents.Desk(KEYS, Packs(PACK))
SOUND = record_state()


class Tended:
    """Retention with its letters: one is set aside, asked for and tended as a worker does it."""

    def __init__(self, worker, api, handle=None):
        self.engine, self.api = worker, api
        self.offset = 0
        self.woken = []
        stub = SimpleNamespace(
            engine=worker,
            keys=KEYS,
            packs=Packs(PACK),
            handlers={REGISTERED: handle or self.handle},
            relay=SimpleNamespace(wake=SimpleNamespace(set=lambda: self.woken.append(True))),
        )
        self.letters = Letters(stub, Rules(rules.LATER, parked.free))

    async def handle(self, connection, batch):
        await agents.registered(DESK, connection, batch)

    async def set_aside(self, event=SOUND, value=None, poison=True):
        """Have a message set aside: by default as one that ended the process each time it was read."""
        self.offset += 1
        record = SimpleNamespace(
            partition=3,
            offset=self.offset,
            key=str(uid("r1")).encode(),
            value=encode(event) if value is None else value,
            headers=[("ce_type", event.type.encode()), ("ce_subject", str(uid("r1")).encode())],
        )
        span = Span(Place("cluster", REGISTERED, "first", 3), [record], self.offset, self.offset + 1, poison=poison)
        async with transaction(self.engine) as connection:
            await agents.registered(DESK, connection, Batch(None, [span], 0.0))

    async def shown(self, **wanted):
        async with transaction(self.api) as connection:
            return [dict(row) for row in await letters.page(connection, Wanted(**wanted), 0, 50)]

    async def ask(self, letter):
        async with transaction(self.api) as connection:
            meant = letter["version"]
            await letters.ask(connection, letter["letter_id"], lambda held: require_version(meant, held), "D-DS1")

    async def parked(self):
        return len(await select(self.engine, "SELECT FROM parked WHERE resolved_at IS NULL"))

    async def facts(self):
        return len(await select(self.engine, "SELECT FROM fact"))


@pytest.fixture
async def tended(database):
    async with own_engines(database) as engines:
        yield Tended(*engines)


async def test_a_letter_taken_at_last_frees_its_subject(tended):
    await tended.set_aside()
    await tended.letters.tend()
    [letter] = await tended.shown()
    assert (letter["reason"], letter["state"], letter["subject"]) == ("defect", "open", uid("r1"))
    assert letter["review_on"] > wall_clock().date()
    assert (await tended.parked(), await tended.facts()) == (1, 0)
    await tended.ask(letter)
    await tended.letters.tend()
    await tended.letters.tend()
    assert await tended.shown() == []
    [letter] = await tended.shown(state="taken")
    assert (letter["attempts"], letter["asked_by"], letter["refused"]) == (1, "D-DS1", None)
    assert (await tended.parked(), await tended.facts()) == (0, 1)
    assert tended.woken
    assert len(await select(tended.engine, "SELECT FROM dead_letter")) == 1


async def test_what_still_cannot_be_used_waits_on_and_says_why(tended):
    await tended.set_aside(record_state(occurred_on="2022-13-01"), poison=False)
    [letter] = await tended.shown()
    assert letter["reason"] == "underivable"
    await tended.ask(letter)
    await tended.letters.tend()
    [letter] = await tended.shown()
    assert (letter["state"], letter["refused"], letter["attempts"]) == ("open", "underivable", 1)
    assert (await tended.parked(), await tended.facts()) == (1, 0)
    assert len(await select(tended.engine, "SELECT FROM dead_letter")) == 1


async def test_one_that_breaks_its_reader_again_is_undone_and_waits_on(database):
    async def breaks(connection, batch):
        await agents.registered(DESK, connection, batch)
        raise RuntimeError("as before")

    async with own_engines(database) as engines:
        tended = Tended(*engines, breaks)
        await tended.set_aside()
        [letter] = await tended.shown()
        await tended.ask(letter)
        await tended.letters.tend()
        [letter] = await tended.shown()
        assert (letter["state"], letter["refused"]) == ("open", "defect")
        assert (await tended.parked(), await tended.facts()) == (1, 0)


async def test_one_whose_reader_was_killed_waits_again_and_is_not_tried_for_ever(tended):
    await tended.set_aside()
    [letter] = await tended.shown()
    await tended.ask(letter)
    async with transaction(tended.engine) as connection:
        await (await driver(connection)).execute(
            "UPDATE letter_state SET state = 'trying', tried_at = clock_timestamp() - interval '2 minutes'"
        )
    await tended.letters.tend()
    [letter] = await tended.shown()
    assert (letter["state"], letter["refused"]) == ("open", "defect")


async def test_a_later_state_of_its_subject_supersedes_it(tended):
    await tended.set_aside(record_state(occurred_on="2022-13-01"), poison=False)
    await tended.letters.tend()
    assert await tended.parked() == 1
    await take(tended.engine, record_state(sequence=2))
    await tended.letters.tend()
    [letter] = await tended.shown(state="superseded")
    assert letter["subject"] == uid("r1")
    assert await tended.parked() == 0


async def test_who_asks_for_what_is_not_there_or_not_as_seen_is_refused(tended):
    await tended.set_aside()
    [letter] = await tended.shown()
    with pytest.raises(PreconditionFailed):
        await tended.ask({**letter, "version": 9})
    with pytest.raises(NotFound):
        await tended.ask({**letter, "letter_id": 999})
    await tended.ask(letter)
    with pytest.raises(Conflict, match="it is asked"):
        await tended.ask({**letter, "version": 2})
    assert len(await tended.shown(topic=REGISTERED, reason="defect", subject=uid("r1"))) == 1
    assert await tended.shown(topic="another.topic") == []
