"""PostgreSQL: one engine per process, one kind of transaction, one answer to "try again?"."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
import msgspec
from asyncpg import exceptions as pg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.errors import NotTried, Raced

Connection = AsyncConnection

STATEMENT_TIMEOUT_MS_MAX = 30_000
LOCK_TIMEOUT_MS_MAX = 10_000
IDLE_IN_TRANSACTION_MS_MAX = 5_000
CONNECT_SECONDS_MAX = 5
# What a worker asks for it asks for by key: whatever the statistics say of a table that grows all day, no scan of it is
# right, and no plan need be made anew for each batch.
BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
RETRY_SECONDS_MAX = 5.0
DAYS_KNOWN_MAX = 4_096  # The same few come again and again.

_encode = msgspec.json.Encoder().encode
_DAY_0 = date(2000, 1, 1).toordinal()  # From which PostgreSQL counts days.

_TRANSIENT = (
    Raced,
    NotTried,
    OSError,
    TimeoutError,
    PoolTimeout,
    asyncpg.InterfaceError,
    pg.PostgresConnectionError,
    pg.OperatorInterventionError,
    pg.TransactionRollbackError,
    pg.InsufficientResourcesError,
    pg.CannotConnectNowError,
    pg.LockNotAvailableError,
    pg.IdleInTransactionSessionTimeoutError,
)

Result = TypeVar("Result")


def connect(url: str, *, name: str, pool_size: int = 6, **server_settings: str) -> AsyncEngine:
    """Make the engine of a process.

    SQLAlchemy never opens a transaction itself (AUTOCOMMIT): `transaction` does, on the driver, so that Core statements
    and the driver's own run in the same one. A frozen process loses its transaction, and with it its row locks.
    """
    settings = {
        "application_name": name,
        "statement_timeout": str(STATEMENT_TIMEOUT_MS_MAX),
        "lock_timeout": str(LOCK_TIMEOUT_MS_MAX),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS_MAX),
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10000",
        "jit": "off",
        **server_settings,
    }
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"server_settings": settings, "timeout": CONNECT_SECONDS_MAX},
    )
    event.listen(engine.sync_engine, "connect", lambda made, _: made.run_async(_days_as_they_are))
    return engine


async def _days_as_they_are(raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Keep the calendar's first and last day as days: the driver writes them as infinity, which no other reads."""
    await raw.set_type_codec("date", schema="pg_catalog", encoder=_to_days, decoder=_from_days, format="tuple")


@lru_cache(maxsize=DAYS_KNOWN_MAX)
def _to_days(day: date) -> tuple[int]:
    return (day.toordinal() - _DAY_0,)


def _from_days(days: tuple[int]) -> date:
    return date.fromordinal(min(max(days[0] + _DAY_0, date.min.toordinal()), date.max.toordinal()))


async def driver(connection: Connection) -> "asyncpg.Connection[asyncpg.Record]":
    """Give the driver's connection, for set-wise statements: `storage` rooms only."""
    # Asked of the synchronous side: `get_raw_connection` would switch greenlets for each statement.
    found: asyncpg.Connection[asyncpg.Record] | None = connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]
    assert found is not None
    return found


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """Open one READ COMMITTED transaction, committed at the end of the block; only edges do this."""
    async with engine.connect() as connection:
        raw, begun = await driver(connection), False
        try:
            async with raw.transaction():
                begun = True
                yield connection
        except BaseException as error:
            if not begun or raw.is_closed() or raw.is_in_transaction():
                await connection.invalidate()  # Whatever state it is in, nobody else gets it.
            if not begun and isinstance(error, asyncpg.InternalClientError):  # So the driver says it, for a moment.
                raise ConnectionResetError("A connection was cut while nobody used it.") from error
            raise


def transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when tried again."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (cause is not None and transient(cause))
    return isinstance(error, _TRANSIENT)


async def persist(work: Callable[[], Awaitable[Result]], told: Callable[[BaseException, float], None]) -> Result:
    """Repeat `work` over transient errors with back-off, for ever; `told` hears of each try that failed."""
    delay = 0.1
    while True:
        try:
            return await work()
        except Exception as error:
            if not transient(error):
                raise
            told(error, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_SECONDS_MAX)


def numbers(values: Sequence[int | None]) -> str:
    """Write whole numbers as the text of an array, for `$1::text::bigint[]`: much sooner done than by the driver.

    Of each member of a list the driver asks whether it is a list itself.
    """
    return f"{{{_encode(values)[1:-1].decode()}}}"


def columns(rows: list[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Turn rows into one list per column, for `unnest`; `count` columns even of no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
