"""What people would build otherwise: every partition written anew with the new dates, swapped in, and then published.

It dates by the same pure rules, once for each distinct side, and joins in SQL. It seals nothing, keeps no superseded
dates, and shuts writers out while it swaps.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from confluent_kafka import Producer

from benchmarks.measuring import Say
from services.retention.actions.announce import changed
from services.retention.announcer import headers_of_schedule
from services.retention.domain import of_schedule, side_from
from services.retention.storage.announce import PARTITIONS, Unannounced
from services.retention.storage.schedules import COLUMNS
from shared.clock import wall_clock
from shared.events import SCHEDULES, encode
from shared.ids import shard_of
from shared.policy import Pack

if TYPE_CHECKING:
    from benchmarks.estate import Estate

TOPIC_PARTITIONS = 8
_DERIVED = [name for name in COLUMNS if name != "side"]
_TABLE = ", ".join(f"{name} {COLUMNS[name]}" for name in _DERIVED)
_INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT indisprimary"
_NAME = re.compile(r"INDEX \S+ ON")
_COLUMNS_OF = """
SELECT attname FROM pg_attribute
WHERE attrelid = 'schedule'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
_COLUMN = {"group": "grp"}


class Swap:
    """One change of one row's period."""

    def __init__(self, estate: "Estate", pack: Pack, row: str, say: Say) -> None:
        self.estate, self.pack, self.row, self.say = estate, pack, row, say

    def run(self) -> None:
        """Write, swap, publish."""
        self._dates()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._build, range(PARTITIONS)))
        self.say("swap: every partition is written")
        for part in range(PARTITIONS):
            self._swap(part)
        self._publish()

    def _session(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(self.estate.url, autocommit=True)

    def _dates(self) -> None:
        """Work out what each distinct side of the row gives under the new pack."""
        with self._session() as data:
            sides = [row[0] for row in data.execute("SELECT DISTINCT side FROM schedule WHERE row_id = %s", [self.row])]
            data.execute("DROP TABLE IF EXISTS dated")
            data.execute(f"CREATE TABLE dated (of_side bytea PRIMARY KEY, {_TABLE})".encode())
            with data.cursor() as cursor, cursor.copy(b"COPY dated FROM STDIN") as copy:
                for side in sides:
                    values = msgspec.structs.astuple(of_schedule(side_from(side), (), self.pack))
                    copy.write_row((side, *values, self.pack.hash))
            data.execute("ANALYZE dated")

    def _build(self, part: int) -> None:
        """Write a partition anew with its indexes."""
        with self._session() as data, data.transaction():
            names = [row[0] for row in data.execute(_COLUMNS_OF)]
            data.execute(f"DROP TABLE IF EXISTS fresh_{part}".encode())
            data.execute(
                f"CREATE TABLE fresh_{part} (LIKE schedule_{part} INCLUDING DEFAULTS) WITH (fillfactor = 80)".encode()
            )
            data.execute(
                f"INSERT INTO fresh_{part} SELECT {', '.join(map(_value, names))} FROM schedule_{part} s "
                "LEFT JOIN dated d ON s.row_id = %s AND d.of_side = s.side",
                [self.row],
            )
            data.execute(f"ALTER TABLE fresh_{part} ADD PRIMARY KEY (record_key)".encode())
            for n, (made,) in enumerate(data.execute(_INDEXES, [f"schedule_{part}"]).fetchall()):
                named = _NAME.sub(f"INDEX swap_{self.pack.hash[:8]}_{part}_{n} ON", made, count=1)
                data.execute(named.replace(f"schedule_{part} ", f"fresh_{part} ", 1).encode())

    def _swap(self, part: int) -> None:
        """Put the new partition in the old one's place."""
        with self._session() as data, data.transaction():
            for statement in (
                f"ALTER TABLE schedule DETACH PARTITION schedule_{part}",
                f"DROP TABLE schedule_{part}",
                f"ALTER TABLE fresh_{part} RENAME TO schedule_{part}",
                f"ALTER TABLE schedule_{part} OWNER TO tenure_retention_owner",
                f"GRANT SELECT, INSERT, UPDATE ON schedule_{part} TO tenure_retention_worker",
                f"ALTER TABLE schedule ATTACH PARTITION schedule_{part}"
                f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part})",
            ):
                data.execute(statement.encode())

    def _publish(self) -> None:
        """Publish what moved, as the announcer does."""
        told = {"bootstrap.servers": self.estate.stack.bootstrap, "acks": "all", "linger.ms": 2, "log_level": 0}
        producer, at = Producer(told), wall_clock().isoformat()
        fields = [_COLUMN.get(name, name) for name in Unannounced._fields if name != "record_uid"]
        columns = ", ".join(f"s.{name}" for name in fields)
        with self._session() as data, data.transaction(), data.cursor(name="moved") as cursor:
            cursor.itersize = 5_000
            cursor.execute(
                f"SELECT record_uid, {columns} FROM schedule s JOIN record USING (record_key) "
                "WHERE row_id = %s".encode(),
                [self.row],
            )
            for values in cursor:
                row = Unannounced(*values)
                key = str(row.record_uid)
                message: dict[str, Any] = {"partition": shard_of(key) % TOPIC_PARTITIONS}
                message["headers"] = headers_of_schedule(key, row.version, at)
                while True:
                    try:
                        producer.produce(SCHEDULES, encode(changed(row)), key, **message)
                        break
                    except BufferError:
                        producer.poll(0.05)
                producer.poll(0)
        producer.flush(60)


def _value(name: str) -> str:
    """Give a column of a row written anew: the new dates where its side has any."""
    if name in _DERIVED:
        return f"CASE WHEN d.of_side IS NULL THEN s.{name} ELSE d.{name} END"
    if name in ("version", "announced_version"):
        return f"s.{name} + (d.of_side IS NOT NULL)::int"
    return f"s.{name}"
