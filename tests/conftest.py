"""Fixtures of every level: a seed, and a real database in a transaction that is rolled back."""

import random
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import connect, driver
from tests import servers, stack
from tools.stack.errors import StackError
from tools.stack.kafka import Kafka
from tools.stack.keys import passwords
from tools.stack.paths import Paths
from tools.stack.settings import role_url


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="the seed of everything random")


def pytest_configure(config):
    if config.getoption("--seed") is None:
        given = getattr(config, "workerinput", {}).get("seed")
        config.option.seed = random.SystemRandom().randrange(2**31) if given is None else given


def pytest_report_header(config):
    try:
        chosen = servers.first_choice()
    except StackError as error:
        raise pytest.UsageError(str(error)) from error
    return [f"seed: {config.getoption('--seed')} (repeat with --seed)", f"shared servers: {chosen}"]


def pytest_terminal_summary(terminalreporter):
    if servers.choice.cache_info().currsize and servers.choice() != servers.first_choice():
        terminalreporter.write_line(f"shared servers: {servers.choice()}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        *place, reason = report.longrepr  # The reason of a fixture is one for all its tests; each shows something else.
        shown = item.originalname.removeprefix("test_").replace("_", " ")
        report.longrepr = (*place, reason.replace(stack.UNSHOWN, f"{stack.UNSHOWN.removesuffix('this.')}that {shown}."))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["seed"] = node.config.getoption("--seed")
    database = getattr(node.config, "tenure_database", None)
    if database is None:
        server = stack.database_server()
        started = server.__enter__()
        node.config.add_cleanup(lambda: server.__exit__(None, None, None))
        database = node.config.tenure_database = (started.url(), str(started.paths.home))
    node.workerinput["tenure_database"] = database


@pytest.fixture
def seed(request) -> int:
    """Give this run's seed."""
    found: int = request.config.getoption("--seed")
    return found


@pytest.fixture
def rng(seed, request) -> random.Random:
    """Give a generator of this test's own, the same for the same seed."""
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture(scope="session")
def database(request, worker_id) -> Iterator[tuple[str, Paths]]:
    """Give the administrator's URL of this worker's own database, and the folder of its passwords."""
    if given := getattr(request.config, "workerinput", {}).get("tenure_database"):
        url, home = given[0], given[1]
        yield _cloned(url, f"tenure_{worker_id}"), Paths(stack.Path(home))
        return
    with stack.database_server() as server:
        yield _cloned(server.url(), "tenure_single"), server.paths


def _cloned(url: str, name: str) -> str:
    server = url.rpartition("/")[0]
    stack.clone(f"{server}/postgres", name)
    return f"{server}/{name}"


@pytest.fixture(scope="session")
def worker_url(database):
    """Give a function from a service to its worker role's URL."""
    admin, paths = database
    return lambda service, kind="worker": role_url(admin, f"tenure_{service}_{kind}", paths)


@pytest.fixture(scope="session")
def database_keys(database):
    """Give the password of each database role."""
    return passwords(database[1].keys)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka | servers.Broker]:
    """Give this run's Kafka; a test that kills its broker starts its own."""
    with stack.kafka_server() as server:
        yield server


@pytest.fixture
async def intake_connection(worker_url) -> AsyncIterator[AsyncConnection]:
    """Give a transaction as intake's worker, rolled back at the end."""
    async for connection in _rolled_back(worker_url("intake")):
        yield connection


@pytest.fixture
async def retention_connection(worker_url) -> AsyncIterator[AsyncConnection]:
    """Give a transaction as retention's worker, rolled back at the end."""
    async for connection in _rolled_back(worker_url("retention")):
        yield connection


@pytest.fixture
async def review_connection(worker_url) -> AsyncIterator[AsyncConnection]:
    """Give a transaction as review's worker, rolled back at the end."""
    async for connection in _rolled_back(worker_url("review")):
        yield connection


async def _rolled_back(url: str) -> AsyncIterator[AsyncConnection]:
    engine = connect(url, name="tests", pool_size=1, idle_in_transaction_session_timeout="0")
    async with engine.connect() as connection:
        transaction = (await driver(connection)).transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()
    await engine.dispose()
