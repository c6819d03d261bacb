"""What people would build otherwise: one event at a time, a Faust agent, SQLAlchemy's ORM, a transaction per event.

It reads, checks and seals as our worker does (with the same functions) and leaves the same rows. Its position
is Faust's own.
"""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import faust
from sqlalchemy import Connection, MetaData, Table, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import registry

from services.intake.domain.checking import Sound, check, shown
from services.intake.domain.reading import Sent, read_binary
from shared.bodies import seal
from shared.events import RECEIPTS, REGISTERED, Place, ReceiptIssued, RecordRegistered, encode
from shared.ids import receipt_id, salts, shard_of
from shared.keys import Keys, read_keys
from shared.policy import Pack, read_pack
from tools.stack.assembly import Stack
from tools.stack.errors import StackError
from tools.stack.paths import ROOT

TOPIC = "records.events.v1"
WARM_UP_EVENTS = 100
SECONDS_MAX = 180
TABLES = {
    "arrival": ["arrival_key", "event_uid"],
    "record": ["record_key"],
    "record_state": ["record_key", "sequence"],
    "body": ["body_id"],
    "body_key": ["body_id", "epoch"],
    "log": ["log_id"],
    "unpublished": ["queue_id"],
    "unsealed": ["queue_id"],
    "account": ["source_key", "received_on", "slot", "outcome"],
    "source": ["source_key"],
}
_IDS = """
SELECT nextval('arrival_key'), nextval('body_id'), (floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint << 40)
    | nextval('log_id'), (floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint << 40) | nextval('log_id')"""


def run(url: str, stack: Stack, count: int) -> float:
    """Let a process of its own take in so many events; gives the seconds per event after a warm-up, times all."""
    told = {"BENCH_URL": url, "BENCH_KAFKA": stack.bootstrap, "BENCH_COUNT": str(count)}
    told |= {"BENCH_KEYS": str(stack.paths.keys), "APP_DATADIR": str(stack.paths.run / "faust-orm")}
    command = [sys.executable, "-m", "benchmarks.peers.orm"]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    if ran.returncode:
        raise StackError(f"The ORM peer ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    said = ran.stdout[ran.stdout.rindex("{") :]  # Behind what Faust tells a terminal.
    seconds: float = json.loads(said)["seconds"]
    return seconds


class Mapped:
    """Each table as a class of the ORM, as the database describes it."""

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}

    def reflect(self, connection: Connection) -> None:
        """Map every table."""
        metadata, mapper = MetaData(), registry()
        for name, key in TABLES.items():
            table = Table(name, metadata, autoload_with=connection)
            made = type(name.title(), (), {})
            mapper.map_imperatively(made, table, primary_key=[table.c[column] for column in key])
            self.classes[name] = made

    def make(self, table: str, **values: Any) -> Any:
        """Make a row."""
        row = self.classes[table]()
        for name, value in values.items():
            setattr(row, name, value)
        return row


class Taker:
    """Takes one event in."""

    def __init__(self, engine: AsyncEngine, keys: Keys, pack: Pack) -> None:
        self.engine, self.keys, self.pack, self.mapped = engine, keys, pack, Mapped()

    async def prepare(self) -> None:
        """Map the tables and make the source."""
        async with self.engine.connect() as connection:
            await connection.run_sync(self.mapped.reflect)
        async with AsyncSession(self.engine) as session, session.begin():
            session.add(self.mapped.make("source", source="urn:demo:crime"))

    async def take(self, message: Any) -> None:
        """Store what one message says, in one transaction."""
        now, headers = datetime.now(UTC), {name: value.decode() for name, value in dict(message.headers).items()}
        place = Place(message.topic, message.partition, message.offset, "incarnation", "cluster")
        sent = read_binary(headers, message.value)
        assert isinstance(sent, Sent)
        sound = check(sent, self.pack, now.date())
        assert isinstance(sound, Sound)
        async with AsyncSession(self.engine) as session, session.begin():
            arrival = self.mapped.classes["arrival"]
            again = select(arrival).where(arrival.event_uid == sound.event_uid, arrival.first)
            if (await session.scalars(again)).first() is not None:
                return
            await self._store(session, sound, place, now)

    async def _store(self, session: AsyncSession, sound: Sound, place: Place, now: datetime) -> None:
        make, classes, mac = self.mapped.make, self.mapped.classes, self.keys.mac(sound.sent.body())
        arrival_key, body_id, *log_ids = (await session.execute(text(_IDS))).one()
        wanted = select(classes["record"]).where(classes["record"].record_uid == sound.subject).with_for_update()
        record = (await session.scalars(wanted)).first()
        if record is None:
            record = make("record", record_uid=sound.subject, kind="record", source_key=1)
            session.add(record)
        record.sequence, record.version, record.state_mac = sound.sequence, 1, mac
        state = shown(sound, self.pack.metadata_keys)
        record.metadata, record.accepted_on = encode(state), now.date()
        await session.flush()
        key = record.record_key
        receipt = receipt_id(place.cluster, place.topic, place.incarnation, place.partition, place.offset)
        nonce, sealed, wrapped = seal(self.keys, body_id, sound.sent.canonical)
        session.add(make("body", body_id=body_id, record_key=key, nonce=nonce, sealed=sealed))
        session.add(make("body_key", body_id=body_id, epoch=self.keys.epoch, wrapped=wrapped))
        states = {"record_key": key, "sequence": sound.sequence, "version": 1, "state_mac": mac}
        session.add(make("record_state", **states, arrival_key=arrival_key, body_id=body_id))
        session.add(self._arrival(sound, (arrival_key, receipt, key), place, mac, now))
        self._log(session, sound, (receipt, place, state, log_ids), now)
        await self._count(session, now.date())

    def _arrival(self, sound: Sound, ids: tuple[int, UUID, int], place: Place, mac: bytes, now: datetime) -> Any:
        row = {"arrival_key": ids[0], "receipt_id": ids[1], "record_key": ids[2], "event_uid": sound.event_uid}
        row |= {"first": True, "source_key": 1, "channel": 0, "place": json.loads(encode(place)), "outcome": "accepted"}
        row |= {"event_id": sound.sent.id, "type": sound.sent.type, "subject": sound.subject, "body_mac": mac}
        return self.mapped.make("arrival", **row, received_at=now, received_on=now.date(), counted_at=now)

    def _log(
        self, session: AsyncSession, sound: Sound, said: tuple[UUID, Place, Any, list[int]], now: datetime
    ) -> None:
        receipt, place, state, log_ids = said
        sent, uid = sound.sent, sound.event_uid
        told = ReceiptIssued(receipt, place, sent.source, uid, sent.id, "accepted", sound.subject, (), now)
        head = (uid, sent.source, sent.time, sound.sequence, now, now.date())
        registered = RecordRegistered(*head, sound.subject, sound.source_system, "captured", 1, state)
        entries = ((RECEIPTS, str(uid), told, receipt), (REGISTERED, str(sound.subject), registered, sound.subject))
        for log_id, salt, (topic, key, event, subject) in zip(log_ids, salts(2), entries, strict=True):
            payload, shard = encode(event), shard_of(key)
            row = {"log_id": log_id, "at": now, "shard": shard, "topic": topic, "key": key, "type": event.type}
            row |= {"subject": subject, "version": 1, "payload": payload, "salt": salt}
            session.add(self.mapped.make("log", **row, digest=sha256(salt + payload).digest()))
            session.add(self.mapped.make("unpublished", shard=shard, log_ids=[log_id]))
        session.add(self.mapped.make("unsealed", log_ids=log_ids))

    async def _count(self, session: AsyncSession, today: date) -> None:
        account = {"source_key": 1, "received_on": today, "slot": 0, "outcome": "accepted"}
        found = await session.get(self.mapped.classes["account"], tuple(account.values()), with_for_update=True)
        if found is None:
            session.add(self.mapped.make("account", **account, n=1))
        else:
            found.n += 1


def app_of(taker: Taker, bootstrap: str, count: int) -> faust.App:
    """Build the Faust app that ends the process after so many events."""
    name = f"orm-{os.getpid()}"  # A group of its own: it reads from the beginning.
    told = {"broker": f"kafka://{bootstrap}", "value_serializer": "raw", "consumer_auto_offset_reset": "earliest"}
    app = faust.App(name, **told, topic_disable_leader=True, web_enabled=False)
    topic = app.topic(TOPIC, value_type=bytes, key_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def taking(stream: Any) -> None:
        await taker.prepare()
        done, began = 0, 0.0
        async for event in stream.events():
            if done == WARM_UP_EVENTS:
                began = time.monotonic()
            await taker.take(event.message)
            done += 1
            if done == count:
                each = (time.monotonic() - began) / (count - WARM_UP_EVENTS)
                print(json.dumps({"seconds": each * count}), flush=True)
                os._exit(0)

    return app


def main() -> None:
    """Run as a process: settings come from the environment."""
    told = {name[6:]: value for name, value in os.environ.items() if name.startswith("BENCH_")}
    url, _, _ = told["URL"].partition("?")
    settings = {"server_settings": {"search_path": "intake"}}
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), connect_args=settings)
    policy = ROOT / "policy" / "demonstration.toml"
    pack = read_pack(policy.read_bytes(), policy.name)
    taker = Taker(engine, read_keys(Path(told["KEYS"]), "intake"), pack)
    faust.Worker(
        app_of(taker, told["KAFKA"], int(told["COUNT"])), loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
