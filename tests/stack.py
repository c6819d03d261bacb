"""Real servers for tests: one PostgreSQL and one Kafka per run, and whole private stacks that a test may kill.

The shared ones may be containers (`tests/servers.py`); a private stack's are always processes of this machine.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tools.stack import keys
from tools.stack.assembly import Stack
from tools.stack.errors import Missing
from tools.stack.kafka import Kafka
from tools.stack.migrate import create_database, migrate
from tools.stack.paths import ROOT, Paths
from tools.stack.postgres import Postgres

TEMPLATE = "tenure_template"
POLICY = ROOT / "policy" / "demonstration.toml"
UNSHOWN = "only a real Kafka can show this."


@contextmanager
def folder() -> Iterator[Paths]:
    """Give a private folder that the database's own user may pass through."""
    home = Path(tempfile.mkdtemp(prefix="tenure-"))
    home.chmod(0o711)  # Not pytest's tmp_path: that one is closed to the user PostgreSQL runs as.
    try:
        yield Paths(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def private_stack(only: tuple[str, ...] = (), **settings: str) -> Iterator[Stack]:
    """Start a whole stack of a test's own: its processes may be killed, paused and started again.

    `stack.kafka.kill()`, `stack.postgres.stop_at_once()`, `stack.processes["intake-worker"].pause()`. Nothing
    restarts what ends: the test says when, with `start()`. Its broker is Apache Kafka, unless TENURE_BROKER says that
    the embedded one will do: what rests on Kafka is never tested on that.
    """
    with folder() as paths:
        with or_skip():
            stack = Stack(paths, {"TENURE_POLICY": str(POLICY), "TENURE_BROKER": "kafka", **settings}, only)
            stack.start()
        try:
            yield stack
        finally:
            stack.stop()


@contextmanager
def database_server() -> Iterator[Postgres | servers.Database]:
    """Start a PostgreSQL with a migrated template database on it."""
    with folder() as paths:
        paths.make()
        secrets = keys.passwords(paths.keys)
        with _postgres(paths, secrets["postgres"]) as server:
            create_database(server.url("postgres"), TEMPLATE)
            migrate(server.url(TEMPLATE), secrets, POLICY)
            yield server


@contextmanager
def _postgres(paths: Paths, password: str) -> Iterator[Postgres | servers.Database]:
    settings = {"fsync": "off"}
    if servers.choice().containers:
        with servers.postgres(paths, password, settings) as container:
            yield container
        return
    server = Postgres(paths, password, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def kafka_server() -> Iterator[Kafka | servers.Broker]:
    """Start a Kafka."""
    if servers.choice().containers:
        with servers.kafka() as container:
            yield container
        return
    with folder() as paths:
        server = Kafka(paths)
        with or_skip():
            server.start()
        try:
            yield server
        finally:
            server.stop()


def clone(server_url: str, name: str) -> None:
    """Make a database like the template."""
    create_database(server_url, name, TEMPLATE)


@contextmanager
def or_skip(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Skip where this machine lacks what Apache Kafka needs, and fail where TENURE_REQUIRE asks for it."""
    try:
        yield
    except Missing as missing:
        if environment.get("TENURE_REQUIRE"):
            raise
        pytest.skip(f"{UNSHOWN} {missing}")
