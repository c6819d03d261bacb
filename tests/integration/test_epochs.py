"""Key epochs on a real database: begun without a restart, emptied under traffic, ended by two people, then noise."""

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.actions.cases import Desk
from services.intake.actions.take_in import take_in
from services.intake.storage import records
from shared import epochs
from shared.bodies import Plain, open_body, store
from shared.db import connect, driver, persist, transaction
from shared.epoch_turn import EpochTurn
from shared.errors import Conflict, Overloaded
from shared.keys import Keys, read_keys, unwrap
from shared.keystore import Files, KeyMissing
from shared.keystore.transit import Transit
from tests import stack
from tests.make_arrivals import NOW, PACK, TODAY, Topic, captured, uid
from tests.transit import transit_engine
from tools.rewrap import rewrap
from tools.stack import keys as made
from tools.stack.paths import ROOT
from tools.stack.settings import role_url

FIRST, SECOND = "D-HIM1", "D-HIM2"
QUIET = Console(quiet=True)


@dataclass
class Vault:
    """Intake's database and keys of one test's own, and what its processes would do."""

    url: str
    worker: AsyncEngine
    api: AsyncEngine
    folder: Path
    keys: Keys

    def another_process(self) -> Keys:
        return read_keys(self.folder, "intake")

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        async with transaction(self.worker) as connection:
            return await (await driver(connection)).fetch(query, *values)

    async def seal(self, count: int = 1, keys: Keys | None = None) -> list[int]:
        async with transaction(self.worker) as connection:
            return await store(connection, keys or self.keys, [Plain(None, b"body %d" % n) for n in range(count)])

    async def open(self, body_id: int, keys: Keys | None = None) -> bytes:
        async with transaction(self.worker) as connection:
            return await open_body(connection, keys or self.keys, body_id)

    async def counts(self) -> dict[int, int]:
        return dict(await self.fetch("SELECT epoch, count(*) FROM body_key GROUP BY 1"))

    async def begin(self) -> None:
        async with transaction(self.api) as connection:
            await epochs.ask(connection, "intake", FIRST, NOW)
        await self.turn()

    async def turn(self) -> None:
        await EpochTurn(self.worker, "intake", self.keys).turn()

    async def rewrap(self) -> int:
        return await rewrap("intake", self.url, self.keys, QUIET)

    async def propose(self, epoch: int = 1, by: str = FIRST) -> None:
        async with transaction(self.api) as connection:
            await epochs.propose_end(connection, "intake", await epochs.found(connection, epoch), by, NOW)

    async def approve(self, epoch: int = 1, by: str = SECOND) -> None:
        async with transaction(self.api) as connection:
            await epochs.end(connection, "intake", await epochs.found(connection, epoch), by, NOW)


@pytest.fixture
async def vault(database, tmp_path) -> AsyncIterator[Vault]:
    admin, paths = database
    server = f"{admin.rpartition('/')[0]}/epochs_{secrets.token_hex(6)}"
    stack.clone(admin, server.rpartition("/")[2])
    made.make(tmp_path)
    url, api_url = (role_url(server, f"tenure_intake_{kind}", paths) for kind in ("worker", "api"))
    worker, api = connect(url, name="tests"), connect(api_url, name="tests")
    yield Vault(url, worker, api, tmp_path, read_keys(tmp_path, "intake"))
    await worker.dispose()
    await api.dispose()


async def test_new_content_goes_under_the_new_epoch_and_nobody_is_restarted(vault: Vault) -> None:
    asleep = vault.another_process()
    old = await vault.seal(3)
    await vault.begin()
    new = await vault.seal(2) + await vault.seal(1, asleep)

    assert await vault.counts() == {1: 3, 2: 3}
    assert {await vault.open(body, keys) for body in (old[0], new[0]) for keys in (vault.keys, asleep)} == {b"body 0"}
    assert (vault.folder / "intake" / "epoch-2.key").stat().st_mode & 0o777 == 0o600


async def test_an_epoch_is_asked_for_once_and_only_when_the_last_has_ended(vault: Vault) -> None:
    async with transaction(vault.api) as connection:
        assert await epochs.ask(connection, "intake", FIRST, NOW) == 2
    with pytest.raises(Conflict, match="begins shortly"):
        await vault.begin()
    await vault.seal()
    assert await vault.counts() == {1: 1}, "until its key is made, the old one serves"
    await vault.turn()
    await vault.turn()
    with pytest.raises(Conflict, match="Epoch 1 has not ended"):
        await vault.begin()


async def test_a_worker_killed_between_two_steps_leaves_nothing_that_the_next_does_not_finish(vault: Vault) -> None:
    async with transaction(vault.api) as connection:
        await epochs.ask(connection, "intake", FIRST, NOW)
    Files(vault.folder / "intake").make(2)  # Killed before the epoch began.
    made_first = Files(vault.folder / "intake").key(2)
    others = [EpochTurn(vault.worker, "intake", vault.another_process()) for _ in range(2)]
    await asyncio.gather(vault.turn(), *(each.turn() for each in others))
    assert Files(vault.folder / "intake").key(2) == made_first
    assert await vault.fetch("SELECT count(*) FROM log WHERE type = $1", epochs.BEGUN) == [(1,)]

    await vault.propose()
    await vault.approve()
    Files(vault.folder / "intake").destroy(1)  # Killed before it said so.
    await asyncio.gather(vault.turn(), *(each.turn() for each in others))
    [one] = await vault.fetch("SELECT destroyed_at FROM epoch WHERE epoch = 1")
    assert one["destroyed_at"] is not None
    assert await vault.fetch("SELECT count(*) FROM log WHERE topic = 'compliance.checkpoints.v1'") == [(1,)]


async def test_an_epoch_ends_by_two_people_once_it_is_empty_and_its_key_goes(vault: Vault) -> None:
    bodies = await vault.seal(5)
    await vault.propose()
    with pytest.raises(Conflict, match="newest epoch"):
        await vault.approve()
    await vault.begin()
    with pytest.raises(Conflict, match="another person must"):
        await vault.approve(by=FIRST)
    assert await vault.rewrap() == 0
    await vault.approve()
    [one, two] = await vault.fetch("SELECT * FROM epoch ORDER BY epoch")
    assert (one["end_proposed_by"], one["ended_by"], one["destroyed_at"], two["ended_at"]) == (
        FIRST,
        SECOND,
        None,
        None,
    )
    assert await vault.fetch("SELECT to_regclass('body_key_1') AS gone") == [(None,)]
    assert (vault.folder / "intake" / "epoch-1.key").exists(), "first the database, then the key"

    await vault.turn()
    [one] = await vault.fetch("SELECT * FROM epoch WHERE epoch = 1")
    assert one["destroyed_at"] is not None
    assert [path.name for path in (vault.folder / "intake").iterdir()] == ["epoch-2.key"]
    assert sorted(vault.keys.epochs) == [2], "nor in memory"
    assert [await vault.open(body) for body in bodies] == [b"body %d" % n for n in range(5)]
    with pytest.raises(Conflict, match="is destroyed"):
        await vault.propose()


async def test_each_step_is_in_the_ledger_and_the_end_is_told(vault: Vault) -> None:
    await vault.begin()
    await vault.propose()
    await vault.approve()
    await vault.turn()
    await vault.turn()
    rows = await vault.fetch("SELECT topic, type FROM log WHERE type LIKE 'tenure.epoch.%' ORDER BY at, version, topic")
    assert [row["type"].split(".")[2] for row in rows if row["topic"] is None] == [
        *("asked", "end-proposed", "end-agreed"),
        "begun",  # By the worker's own clock.
    ]
    told = {row["topic"] for row in rows if row["type"] == "tenure.epoch.ended.v1"}
    assert told == {"compliance.checkpoints.v1", "records.disposal-receipts.v1"}


async def test_one_live_key_that_was_missed_keeps_its_epoch(vault: Vault) -> None:
    """Fault 23. Whether the record is held makes no difference: what is there is live."""
    missed, *_ = await vault.seal(4)
    await vault.begin()
    await vault.propose()
    async with vault.worker.connect() as busy:
        raw = await driver(busy)
        async with raw.transaction():
            await raw.fetch("SELECT * FROM claim_keys(1, 0, 1)")  # Its holder froze.
            async with transaction(vault.worker) as connection:
                moved, last = await epochs.rewrap(connection, vault.keys, 1, 0, 100)
    assert (moved, last) == (3, missed + 3)
    with pytest.raises(Conflict, match="1 live keys are wrapped under it, and 1 bodies"):
        await vault.approve()
    assert await vault.counts() == {1: 1, 2: 3}
    await vault.turn()
    assert await vault.open(missed) == b"body 0", "and its key is there"
    assert await vault.rewrap() == 0
    await vault.approve()


async def test_the_database_alone_refuses_an_end_that_counts_were_not_taken_for(vault: Vault) -> None:
    await vault.seal(2)
    await vault.begin()
    await vault.propose()
    async with transaction(vault.api) as connection:
        raw = await driver(connection)
        left = await raw.fetchrow("SELECT * FROM end_epoch(1, $1, $2)", SECOND, NOW)
    assert tuple(left) == (2, 2)
    assert await vault.counts() == {1: 2}
    for epoch, person, said in ((1, FIRST, "two people"), (2, SECOND, "two people")):
        with pytest.raises(asyncpg.RaiseError, match=said):
            async with transaction(vault.api) as connection:
                await (await driver(connection)).fetchrow("SELECT * FROM end_epoch($1, $2, $3)", epoch, person, NOW)


async def test_keys_move_only_forward_into_an_epoch_that_is_open(vault: Vault) -> None:
    [body] = await vault.seal()
    await vault.begin()
    for old, new in ((2, 1), (1, 3), (1, 1)):
        with pytest.raises(asyncpg.RaiseError, match="newer epoch"):
            await vault.fetch("SELECT rewrap_keys($1, $2, $3, $4)", old, new, [body], [b"noise"])
    assert await vault.open(body) == b"body 0"


async def test_a_body_sealed_under_the_old_epoch_and_not_committed_yet_is_waited_for(vault: Vault) -> None:
    async with transaction(vault.worker) as slow:
        [late] = await store(slow, vault.another_process(), [Plain(None, b"late")])
        await vault.begin()
        await vault.propose()
        assert await vault.rewrap() == 0, "nobody sees it yet"
        with pytest.raises(Overloaded, match="in a moment"):
            await vault.approve()
    with pytest.raises(Conflict, match="1 live keys"):
        await vault.approve()
    assert await vault.rewrap() == 0
    await vault.approve()
    await vault.turn()
    assert await vault.open(late) == b"late"


async def test_nothing_can_be_sealed_under_an_epoch_that_ended(vault: Vault) -> None:
    await vault.begin()
    await vault.propose()
    await vault.approve()
    with pytest.raises(asyncpg.CheckViolationError, match="no partition"):
        await vault.fetch("INSERT INTO body_key VALUES (1, 1, '')")


async def test_a_dump_from_before_the_end_is_noise_after_it(vault: Vault) -> None:
    bodies = await vault.seal(3)
    dump = await vault.fetch("SELECT body_id, nonce, sealed, epoch, wrapped FROM body JOIN body_key USING (body_id)")
    before = vault.another_process()
    assert len([unwrap(before.epochs[1], row["body_id"], row["wrapped"]) for row in dump]) == 3, "until then it opens"
    await vault.begin()
    await vault.rewrap()
    await vault.propose()
    await vault.approve()
    await vault.turn()

    after = vault.another_process()
    with pytest.raises(KeyMissing):
        await after.wrapper(1)
    for row in dump:
        for key in after.epochs.values():
            with pytest.raises(InvalidTag):
                unwrap(key, row["body_id"], row["wrapped"])
    assert [await vault.open(body, after) for body in bodies] == [b"body %d" % n for n in range(3)], "live ones open"


async def test_the_same_with_keys_that_a_real_transit_engine_holds(vault: Vault) -> None:
    with transit_engine() as place:
        engine = Transit(place, "intake")
        engine.make(1)
        vault.keys = read_keys(vault.folder, "intake", engine)
        another = read_keys(vault.folder, "intake", Transit(place, "intake"))
        [body] = await vault.seal()
        await vault.begin()
        assert engine.epochs() == [1, 2]
        assert await vault.rewrap() == 0
        await vault.propose()
        await vault.approve()
        await vault.turn()
        assert engine.epochs() == [2]
        assert await vault.open(body, another) == b"body 0", "by a process that was not restarted"
    assert await vault.open((await vault.seal())[0]) == b"body 0", "the engine is away, and nobody who runs needs it"


async def test_a_key_that_a_restored_folder_brings_back_goes_again_at_the_next_start(vault: Vault) -> None:
    old = (vault.folder / "intake" / "epoch-1.key").read_bytes()
    await vault.begin()
    await vault.propose()
    await vault.approve()
    await vault.turn()
    (vault.folder / "intake" / "epoch-1.key").write_bytes(old)
    await vault.turn()
    assert not (vault.folder / "intake" / "epoch-1.key").exists()


class Traffic:
    """Shredding, taking in and re-wrapping at once, each for a while under its locks, at moments that a seed gives."""

    def __init__(self, vault: Vault, rng: random.Random) -> None:
        self.vault, self.rng, self.topic = vault, rng, Topic()

    async def pause(self) -> None:
        await asyncio.sleep(self.rng.random() * 0.01)

    async def take(self, *sent: dict) -> None:
        async with transaction(self.vault.worker) as connection:
            desk = Desk(self.vault.another_process(), PACK, 0)
            await take_in(connection, desk, self.topic.batch(*sent), NOW, TODAY)

    async def come(self, name: str) -> None:
        await self.take(captured(name, sequence=2, unit="B"))

    async def go(self, name: str) -> None:
        async with transaction(self.vault.worker) as connection:
            assert await records.shred(connection, uuid4(), uid(name), 9, NOW) == 1
            await self.pause()

    async def move(self, _: int) -> None:
        async with transaction(self.vault.worker) as connection:
            await epochs.rewrap(connection, self.vault.keys, 1, 0, self.rng.randrange(1, 25))
            await self.pause()

    async def each(self, work: Callable[[Any], Awaitable[None]], items: Iterable[Any]) -> None:
        for item in items:
            await self.pause()
            await persist(lambda item=item: work(item), lambda error, delay: None)


@pytest.mark.parametrize("round_", range(2))
async def test_re_wrapping_shredding_and_taking_in_at_once_lose_and_leave_nothing(vault: Vault, rng, round_) -> None:
    """Seeded interleavings: whatever comes first, a shredded record has no key, and every other body opens."""
    names = [f"r{n}" for n in range(120)]
    doomed = rng.sample(names, 60)
    kept = [name for name in names if name not in doomed]
    traffic = Traffic(vault, rng)
    await traffic.take(*map(captured, names))
    await vault.begin()
    shredding = [traffic.each(traffic.go, doomed[half::2]) for half in range(2)]
    await asyncio.gather(*shredding, traffic.each(traffic.come, kept), traffic.each(traffic.move, range(40)))
    assert await vault.rewrap() == 0

    joined = "body b FULL JOIN body_key k USING (body_id) WHERE b.body_id IS NULL OR k.body_id IS NULL"
    assert await vault.fetch(f"SELECT count(*) FROM {joined}") == [(0,)], "no key without its body, no body without"
    assert await vault.counts() == {2: 2 * len(kept)}
    live = "SELECT record_uid, body_id FROM record_state JOIN record USING (record_key) WHERE body_id IS NOT NULL"
    held = await vault.fetch(live)
    assert {row["record_uid"] for row in held} == {uid(name) for name in kept}
    for row in held:
        assert b"a window was broken" in await vault.open(row["body_id"])


async def test_a_re_wrap_killed_in_the_middle_goes_on_where_it_was(vault: Vault) -> None:
    bodies = await vault.seal(9_000)
    await vault.begin()
    command = [sys.executable, "-m", "tools.cli", "epoch", "rewrap", "--only", "intake"]
    told = {"TENURE_INTAKE_DATABASE_URL": vault.url, "TENURE_KEYS": str(vault.folder)}
    killed = {**os.environ, **told, "TENURE_CRASH_POINT": "before_rewrap_commit:3"}

    first = subprocess.run(command, cwd=ROOT, env=killed, capture_output=True, timeout=60, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert await vault.counts() == {1: 5_000, 2: 4_000}, "whole sets, and the one in hand not at all"
    await vault.propose()
    with pytest.raises(Conflict, match="5000 live keys"):
        await vault.approve()

    again = {**os.environ, **told}
    second = subprocess.run(command, cwd=ROOT, env=again, capture_output=True, timeout=60, check=False)
    assert second.returncode == 0, second.stderr
    assert b"5,000 of 5,000" in second.stderr, "how far, how fast, how long"
    assert await vault.counts() == {2: 9_000}
    await vault.approve()
    for body in (bodies[0], bodies[4_500], bodies[-1]):
        assert (await vault.open(body)).startswith(b"body ")
