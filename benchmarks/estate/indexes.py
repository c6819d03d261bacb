"""Indexes that are made after the rows: what is sorted once is written once."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

MEMORY = "512MB"
_ALONE = " ON ONLY "
_FOUND = """
SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid), k.conname, pg_get_constraintdef(k.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid
WHERE x.indrelid = ANY(%s::regclass[]) AND NOT x.indisprimary ORDER BY pg_relation_size(x.indrelid) DESC, i.relname"""


class Index(NamedTuple):
    """An index and how it is made again."""

    table: str
    name: str
    made_by: str
    constraint: str | None
    declared: str | None

    @property
    def drop(self) -> str:
        """Give the statement that takes it away."""
        return f"ALTER TABLE {self.table} DROP CONSTRAINT {self.name}" if self.constraint else f"DROP INDEX {self.name}"

    @property
    def make(self) -> str:
        """Give the statement that makes it."""
        return (
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} {self.declared}" if self.constraint else self.made_by
        )


@contextmanager
def without(url: str, tables: Iterable[str]) -> Iterator[None]:
    """Take away every index of some tables but their primary keys; make them again afterwards."""
    with psycopg.connect(url, autocommit=True) as data:
        found = [Index(*row) for row in data.execute(_FOUND, [list(tables)])]
        for each in found:
            data.execute(each.drop.encode())
    yield
    make(url, _turns(each.make for each in found))


def _turns(statements: Iterable[str]) -> list[str]:
    """Give what may be made at the same time: of partitioned tables one after another, on every partition.

    PostgreSQL tells of an index of theirs as of itself alone, invalid; made together, two would name their parts alike.
    """
    single: list[str] = []
    parted: list[str] = []
    for each in statements:
        (parted if _ALONE in each else single).append(each.replace(_ALONE, " ON ", 1))
    return ["; ".join(parted), *single] if parted else single


def make(url: str, statements: Iterable[str]) -> None:
    """Run statements that make indexes, two at a time."""

    def one(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as data:
            data.execute(f"SET maintenance_work_mem = '{MEMORY}'".encode())
            data.execute(statement.encode())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, statements))
