"""The local stack's made-up people become known to review, also where its tables come after its API."""

import asyncio

import psycopg
import pytest

from services.review.main import DEMO_PEOPLE, introduce_demo_people
from shared.db import connect, driver, transaction
from shared.health import LOOK_SECONDS
from tests import stack
from tools.stack.settings import role_url


@pytest.fixture
def own(database, seed):
    """Give the administrator's URL of a fresh database, and review's API's own."""
    admin, paths = database
    name = f"tenure_people_{seed}"
    stack.clone(f"{admin.rpartition('/')[0]}/postgres", name)
    url = f"{admin.rpartition('/')[0]}/{name}"
    return url, role_url(url, "tenure_review_api", paths)


def rename(admin: str, schema: str, to: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER SCHEMA {schema} RENAME TO {to}")


async def known(engine) -> set[str]:
    async with transaction(engine) as connection:
        return {row["staff_id"] for row in await (await driver(connection)).fetch("SELECT staff_id FROM person")}


async def test_they_are_introduced_once_the_tables_are_there(own):
    admin, url = own
    rename(admin, "review", "later")
    engine = connect(url, name="tests", pool_size=2)
    introducing = asyncio.create_task(introduce_demo_people(engine))
    await asyncio.wait([introducing], timeout=LOOK_SECONDS / 5)
    assert not introducing.done(), "it waits for the tables"

    rename(admin, "later", "review")
    await asyncio.wait_for(introducing, timeout=10 * LOOK_SECONDS)

    assert await known(engine) >= {person.staff_id for person in DEMO_PEOPLE}
    await engine.dispose()
