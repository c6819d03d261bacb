"""The three schemas as one snapshot each: what every check reads, however the system moves on meanwhile."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tools.verify.findings import CouldNotRun

SERVICES = ("intake", "retention", "review")
ROWS_AT_ONCE = 10_000
CONNECT_SECONDS_MAX = 5
SORTED_IN = "128MB"

# Retention first: what it has of the others' is then in their snapshots too; intake last, for its shredding comes
# before the confirmation that retention goes by.
_ORDER = ("retention", "review", "intake")

Connection = psycopg.Connection[Any]


class Schema:
    """One service's tables, as they were at one moment."""

    def __init__(self, service: str, connection: Connection) -> None:
        self.service = service
        self.connection = connection
        self.streams = 0

    def rows(self, statement: str, given: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Read a small result."""
        return self.connection.execute(statement.encode(), given).fetchall()

    def one(self, statement: str, given: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """Read the first value of the first row."""
        rows = self.rows(statement, given)
        return rows[0][0] if rows else None

    def stream(
        self, statement: str, given: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Read a result of any size, some rows at a time."""
        self.streams += 1
        with self.connection.cursor(name=f"verify_{self.streams}") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(statement.encode(), given)
            yield from cursor

    def has(self, table: str) -> bool:
        """Say whether this version of the schema has a table."""
        return bool(self.one("SELECT to_regclass(%s) IS NOT NULL", [f"{self.service}.{table}"]))


Schemas = Mapping[str, Schema]


def _secret(name: str) -> str:
    """Read a setting from the folder of secrets, if it is there."""
    path = Path(os.environ.get("TENURE_SECRETS") or ".") / name.lower()
    return path.read_text().strip() if os.environ.get("TENURE_SECRETS") and path.is_file() else ""


def url_of(service: str) -> str:
    """Find where a service's tables are: its own server's URL, else that of all three, else the administrator's."""
    for name in (f"TENURE_VERIFY_{service.upper()}_DATABASE_URL", "TENURE_VERIFY_DATABASE_URL", "TENURE_DATABASE_URL"):
        if found := os.environ.get(name) or _secret(name):
            return found.replace("postgresql+asyncpg://", "postgresql://").replace(
                "postgresql+psycopg://", "postgresql://"
            )
    raise CouldNotRun("No database is named: start the stack with `./tenure up`, or set TENURE_VERIFY_DATABASE_URL.")


def connect(service: str) -> Connection:
    """Connect to read one schema; a server that does not answer is said in one sentence."""
    url = url_of(service)
    try:
        connection = psycopg.connect(url, connect_timeout=CONNECT_SECONDS_MAX, application_name="tenure-verify")
        connection.execute("SELECT set_config('search_path', %s, false)", [service])
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET cursor_tuple_fraction = 1")  # Whatever is streamed here is read to its end,
        connection.execute(f"SET work_mem = '{SORTED_IN}'")  # and much of it in an order.
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.commit()
        if connection.execute("SELECT to_regclass('log')").fetchone() == (None,):
            raise CouldNotRun(f"The database has no schema {service} that this role may read: `./tenure up` makes it.")
    except psycopg.Error as error:
        place = urlsplit(url)
        raise CouldNotRun(
            f"PostgreSQL at {place.hostname}:{place.port or 5432} does not answer as it should ({_first_line(error)}): "
            "start it with `./tenure up`, or set TENURE_VERIFY_DATABASE_URL."
        ) from None
    connection.commit()
    return connection


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def live(service: str) -> Iterator[Schema]:
    """Open one schema as it is by now, each statement anew: to look again at what a snapshot was too early for."""
    connection = connect(service)
    try:
        connection.autocommit = True
        yield Schema(service, connection)
    finally:
        connection.close()


@contextmanager
def snapshot() -> Iterator[Schemas]:
    """Open one read-only snapshot of each schema."""
    schemas: dict[str, Schema] = {}
    try:
        for service in _ORDER:
            connection = connect(service)
            schemas[service] = Schema(service, connection)
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute("SELECT 1 FROM log LIMIT 1")  # The first statement takes the snapshot.
        yield schemas
    finally:
        for schema in schemas.values():
            schema.connection.close()
