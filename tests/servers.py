"""Where the servers that a run's tests share come from: containers where an engine answers, else this machine's own.

Only those: a test that kills, freezes or starves a server has a stack of its own (`tests/stack.py`), whose servers are
processes of this machine. What it does to them by signal and by file no container would let it do in the same way.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tools.stack import ports
from tools.stack.errors import StackError
from tools.stack.kafka import PROPERTIES, can_create_topics
from tools.stack.paths import ROOT, Paths
from tools.stack.postgres import SETTINGS

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
IMAGES = {name: COMPOSE[name]["image"] for name in ("kafka", "postgres")}
ASKED_BY = "TENURE_TEST_SERVERS"
READY_SECONDS_MAX = 60
_USUAL = "unix:///var/run/docker.sock"
_ENGINE_SECONDS_MAX = 3
_OF_THE_IMAGE = ("listen_addresses", "unix_socket_directories")
# As deploy/kafka/start.sh does: straight from the jars, with the local stack's properties. Of a property that stands
# twice the last one counts.
_KAFKA = """printf '%s\n' "$PROPERTIES" > /tmp/server.properties
run=(java -Xms256m -Xmx256m -XX:+UseSerialGC -cp '/opt/kafka/libs/*')
"${run[@]}" kafka.tools.StorageTool format --cluster-id=MkU3OEVBNTcwNTJENDM2Qg -c /tmp/server.properties
exec "${run[@]}" kafka.Kafka /tmp/server.properties
"""
# The broker asks itself as well, to end transactions; the address that it tells to clients is not one inside.
_ADDRESSES = """
listeners=PLAINTEXT://0.0.0.0:9092,INSIDE://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://{host}:{port},INSIDE://127.0.0.1:9094
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INSIDE
log.dirs=/tmp/kafka
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether containers are used, and why."""

    containers: bool
    why: str

    def __str__(self) -> str:
        return f"{'containers' if self.containers else 'local'} ({self.why})"


def engine(environment: Mapping[str, str] = os.environ) -> str:
    """Give the version of the container engine that answers; refuses where none does."""
    _refuse_deaf(environment.get("DOCKER_HOST", _USUAL))
    import docker  # Not above: it takes a second, which most machines need not wait.

    try:
        with closing(docker.from_env(timeout=_ENGINE_SECONDS_MAX, environment=dict(environment))) as client:
            return str(client.version()["Version"])
    except docker.errors.DockerException as error:
        raise StackError(f"no container engine answers: {error}") from error


def _refuse_deaf(host: str) -> None:
    if not host.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as knocks:
        try:
            knocks.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise StackError(f"no container engine answers at {host}: {error.strerror}") from error


def images() -> None:
    """See that the engine has the images, by fetching what is missing; refuses where that fails."""
    import docker
    from testcontainers.core.config import testcontainers_config as told

    reaper = [] if told.ryuk_disabled else [told.ryuk_image]  # Stops the containers of a run that was killed.
    with closing(docker.from_env()) as client:
        for name in (*IMAGES.values(), *reaper):
            try:
                client.images.get(name)
            except docker.errors.ImageNotFound:
                _fetch(client, name)


def _fetch(client: Any, name: str) -> None:
    import docker

    try:
        client.images.pull(name)
    except docker.errors.DockerException as error:
        raise StackError(f"the container engine has no image {name} and cannot fetch it: {error}") from error


def choose(environment: Mapping[str, str], *asked: Callable[[], Any]) -> Choice:
    """Choose by what `asked` finds, an engine and its images; what was asked for by name is refused, not replaced."""
    wanted = environment.get(ASKED_BY, "")
    if wanted not in ("", "local", "containers"):
        raise StackError(f"{ASKED_BY} is {wanted!r}; it is local or containers, or not set.")
    if wanted == "local":
        return Choice(False, f"{ASKED_BY} asks for them")
    try:
        found = [ask() for ask in asked]
    except StackError as missing:
        if wanted:
            raise
        return Choice(False, str(missing))
    return Choice(True, f"the engine {found[0]} answers; {ASKED_BY}=local for the other ones")


@cache
def first_choice() -> Choice:
    """Choose once, by whether an engine answers."""
    return choose(os.environ, engine)


@cache
def choice() -> Choice:
    """Choose once more when a server is needed, for only then its image is."""
    return choose(os.environ, engine, images) if first_choice().containers else first_choice()


class Database:
    """A PostgreSQL in a container, as the tests see the local one: `url`, and the folder of its passwords."""

    def __init__(self, paths: Paths, password: str, container: Any) -> None:
        self.paths = paths
        self.password = password
        self.at = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"

    def url(self, database: str = "tenure") -> str:
        """Give the administrator's URL of a database on this server."""
        return f"postgresql://postgres:{self.password}@{self.at}/{database}"


@contextmanager
def postgres(paths: Paths, password: str, settings: Mapping[str, str]) -> Iterator[Database]:
    """Start a PostgreSQL in a container."""
    from testcontainers.community.postgres import PostgresContainer

    told = {name: value for name, value in {**SETTINGS, **settings}.items() if name not in _OF_THE_IMAGE}
    command = ["postgres", *(part for name, value in told.items() for part in ("-c", f"{name}={value}"))]
    server = PostgresContainer(IMAGES["postgres"], username="postgres", password=password, dbname="postgres")
    server.with_command(command).with_kwargs(shm_size="512m")
    with server as started:
        yield Database(paths, password, started)


@dataclass(frozen=True, slots=True)
class Broker:
    """A Kafka in a container, as the tests see the local one."""

    bootstrap: str


@contextmanager
def kafka() -> Iterator[Broker]:
    """Start a Kafka in a container: on a port that is known before, for it tells it to its clients."""
    from testcontainers.core.container import DockerContainer

    port = ports.choose()
    server = DockerContainer(IMAGES["kafka"], entrypoint=["/bin/bash", "-c", _KAFKA]).with_bind_ports(9092, port)
    host = server.get_docker_client().host()
    properties = PROPERTIES.format(port=9092, controller=9093)
    server.with_env("PROPERTIES", properties + _ADDRESSES.format(host=host, port=port))
    with server:
        broker = Broker(f"{host}:{port}")
        until = time.monotonic() + READY_SECONDS_MAX
        while not can_create_topics(broker.bootstrap):
            if time.monotonic() > until:
                raise StackError(f"Kafka in its container was not ready in {READY_SECONDS_MAX} s:\n{server.get_logs()}")
            time.sleep(0.1)
        yield broker
