"""Fixtures of tests whose transactions really commit: a database of their own."""

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db import connect
from tests import stack
from tools.stack.settings import role_url


@pytest.fixture
def retention_url(database) -> str:
    """Give the URL, as retention's worker, of a fresh database."""
    admin, paths = database
    name = f"tenure_own_{random.randrange(2**40)}"
    stack.clone(f"{admin.rpartition('/')[0]}/postgres", name)
    return role_url(f"{admin.rpartition('/')[0]}/{name}", "tenure_retention_worker", paths)


@pytest.fixture
async def retention_engine(retention_url) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a fresh database, as retention's worker."""
    engine = connect(retention_url, name="tests", pool_size=6)
    yield engine
    await engine.dispose()
