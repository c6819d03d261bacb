"""What people would build otherwise: a person's records one by one through the ORM, each in its own transaction.

It dates by the same pure rules from what is stored, seals each schedule as settling does, and publishes the same
messages.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Producer
from sqlalchemy import MetaData, Table, create_engine, select, text
from sqlalchemy.orm import Session, registry

from services.retention.actions.announce import changed
from services.retention.actions.take_in import fresh
from services.retention.domain import Fact, Given, Person, of_schedule, person_of, side_from
from services.retention.storage.announce import Unannounced
from services.retention.storage.facts import FACTS_KEPT
from services.retention.storage.schedules import COLUMNS, SCHEDULES_SETTLED, sealed_content
from shared.events import SCHEDULES, FactRegistered, encode
from shared.ids import named, salts, shard_of
from shared.policy import Pack

if TYPE_CHECKING:
    from benchmarks.estate import Estate

TABLES = {
    "fact": ["fact_key"], "log": ["log_id"], "unsealed": ["queue_id"], "nominal": ["nominal_key"],
    "link": ["record_key", "nominal_key"], "person_schedule": ["nominal_key"], "schedule": ["record_key"],
    "record": ["record_key"],
}  # fmt: skip
PARTITIONS = 8
_ID = "SELECT -((floor(extract(epoch FROM clock_timestamp()) / 86400))::bigint << 40 | nextval('log_id'))"
_COLUMN = {"group": "grp"}  # The others have their field's name.
_PERSON = {field: _COLUMN.get(field, field) for field in Person.__struct_fields__}
_GIVEN = {field: _COLUMN.get(field, field) for field in Given.__struct_fields__}


class ByRecord:
    """One session for each record."""

    def __init__(self, estate: "Estate", pack: Pack) -> None:
        url, self.pack = estate.url.replace("postgresql://", "postgresql+psycopg://"), pack
        self.engine = create_engine(url)
        told = {"bootstrap.servers": estate.stack.bootstrap, "acks": "all", "linger.ms": 2, "log_level": 0}
        self.producer = Producer(told)
        self.of: dict[str, Any] = {}
        metadata, mapper = MetaData(), registry()
        with self.engine.connect() as connection:
            for name, key in TABLES.items():
                table, made = Table(name, metadata, autoload_with=connection), type(name.title(), (), {})
                mapper.map_imperatively(made, table, primary_key=[table.c[column] for column in key])
                self.of[name] = made

    def take(self, event: FactRegistered) -> None:
        """Keep the contact, date the person, then each record that they carry."""
        with Session(self.engine) as session, session.begin():
            nominal = session.scalars(select(self.of["nominal"]).filter_by(nominal_ref=event.nominal_ref)).one()
            self._keep(session, event, nominal.nominal_key)
            session.flush()
            self._date_person(session, nominal.nominal_key)
            link = self.of["link"]
            keys = session.scalars(select(link.record_key).filter_by(nominal_key=nominal.nominal_key, offending=True))
            records = list(keys)
        for key in records:
            with Session(self.engine) as session, session.begin():
                row, uid = self._date(session, key)
                shown = Unannounced(*(getattr(row, _COLUMN.get(name, name), uid) for name in Unannounced._fields))
                told = encode(changed(shown))
            part = shard_of(str(uid)) % PARTITIONS
            self.producer.produce(SCHEDULES, told, str(uid), partition=part)
            self.producer.poll(0)
        self.producer.flush(30)

    def _keep(self, session: Session, event: FactRegistered, key: int) -> None:
        made, now = fresh(event, self.pack), datetime.now(UTC)
        (salt,), log_id = salts(1), session.scalar(text(_ID))
        row = {"event_uid": event.event_uid, "kind": made.kind, "nominal_key": key, "sequence": event.sequence}
        row |= {"on_date": made.on_date, "known_at": now, "received_on": event.received_on, "salt": salt}
        session.add(self._new("fact", **row, canonical=made.canonical, log_id=log_id))
        self._log(session, FACTS_KEPT, log_id, [(salt, made.canonical)])

    def _log(self, session: Session, kind: str, log_id: int, sealed: Sequence[tuple[bytes, bytes]]) -> None:
        payload, (salt,) = b"".join(sha256(mine + content).digest() for mine, content in sealed), salts(1)
        row = {"log_id": log_id, "at": datetime.now(UTC), "shard": shard_of(kind), "topic": None, "key": kind}
        row |= {"type": kind, "subject": named(f"retention\n{kind}"), "version": len(sealed), "payload": payload}
        session.add(self._new("log", **row, salt=salt, digest=sha256(salt + payload).digest()))
        session.add(self._new("unsealed", log_ids=[log_id]))

    def _new(self, table: str, **values: Any) -> Any:
        row = self.of[table]()
        for name, value in values.items():
            setattr(row, name, value)
        return row

    def _date_person(self, session: Session, key: int) -> None:
        facts = [
            Fact(row.event_uid, row.kind, key, row.canonical, row.sequence, row.on_date, row.withdraws, row.received_on)
            for row in session.scalars(select(self.of["fact"]).filter_by(nominal_key=key))
        ]
        links = session.scalars(select(self.of["link"]).filter_by(nominal_key=key))
        given = [Given(**{field: getattr(link, column) for field, column in _GIVEN.items()}) for link in links]
        stored = session.get(self.of["person_schedule"], key, with_for_update=True)
        assert stored is not None, "the nominal is dated"
        person = person_of(facts, given, self.pack)
        for field, column in _PERSON.items():
            setattr(stored, column, getattr(person, field))
        stored.version += 1

    def _date(self, session: Session, key: int) -> tuple[Any, Any]:
        row = session.get(self.of["schedule"], key, with_for_update=True)
        record = session.get(self.of["record"], key)
        assert row is not None, "every record is dated"
        assert record is not None, "a schedule is a record's"
        links = session.scalars(select(self.of["link"]).filter_by(record_key=key, offending=True))
        people = [session.get(self.of["person_schedule"], link.nominal_key) for link in links]
        persons = [Person(**{field: getattr(each, column) for field, column in _PERSON.items()}) for each in people]
        side = side_from(row.side)
        dated = msgspec.structs.astuple(of_schedule(side, persons, self.pack))
        (salt,), log_id = salts(1), session.scalar(text(_ID))
        values = (*dated, row.side, self.pack.hash)
        for column, value in zip(COLUMNS, values, strict=True):
            setattr(row, column, value)
        row.salt, row.log_id, row.version = salt, log_id, row.version + 1
        row.announced_version = row.version  # Published straight after the commit.
        self._log(session, SCHEDULES_SETTLED, log_id, [(salt, sealed_content((key, *values)))])
        session.flush()
        return row, record.record_uid
