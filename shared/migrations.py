"""Whether a database has the tables that this code needs, said in a sentence with the mend."""

from pathlib import Path

from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError

from shared.db import Connection, driver

MEND = "run `./tenure up`, or `python -m tools.stack.migrate` where the database is not the local stack's"
AWAY = "The database does not answer; work goes on when it does."
NOT_LET_IN = f"The database does not let this service's role in: correct its URL's name and password, or {MEND}."

_SERVICES = Path(__file__).parents[1] / "services"


def folder_of(service: str) -> Path:
    """Give where a service's migrations are."""
    return _SERVICES / service / "migrations"


def newest(folder: Path) -> str:
    """Give the number of the newest migration that the code has."""
    return max((path.stem.partition("_")[0] for path in folder.glob("[0-9]*.py")), default="")


async def lacking(connection: Connection, folder: Path) -> str | None:
    """Say what the tables lack for this code; None: nothing. Newer tables are well: they are made before the code."""
    raw = await driver(connection)
    made = await raw.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    at = str((await raw.fetchval("SELECT max(version_num) FROM alembic_version") if made else None) or "")
    needs = newest(folder)
    if at >= needs:
        return None
    stands = f"is at migration {at}, and this code needs {needs}" if at else "has no tables of this service"
    return f"The database {stands}: {MEND}."


def not_let_in(error: BaseException) -> bool:
    """Tell whether the database is there and refuses the role, or has no such database."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    return isinstance(cause, pg.InvalidAuthorizationSpecificationError | pg.InvalidCatalogNameError)
