"""The whole stack put together: broker, database, six processes, and what each is told."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tools.stack import broker, keys, ports, settings
from tools.stack.embedded import Embedded, publish_all_again
from tools.stack.errors import StackError
from tools.stack.kafka import Kafka
from tools.stack.migrate import create_database
from tools.stack.paths import JARS, ROOT, Paths
from tools.stack.postgres import DATABASE, Postgres
from tools.stack.process import Process
from tools.stack.service import KINDS, Service, without_settings

Say = Callable[[str], None]

PORTS = {
    "kafka": 19092,
    "kafka-controller": 19093,
    "postgres": 15432,
    **{f"{service}-api": 18081 + n for n, service in enumerate(keys.SERVICES)},
    **{f"{service}-worker": 18091 + n for n, service in enumerate(keys.SERVICES)},
}
PROCESSES = ("kafka", "postgres", *(f"{service}-{kind}" for kind in KINDS for service in keys.SERVICES))
STOP_ORDER = (  # Who consumes stops first, what they consume from stops last; seconds of grace, under ten in all.
    ([f"{service}-worker" for service in keys.SERVICES], 4.0),
    ([f"{service}-api" for service in keys.SERVICES], 1.5),
    (["postgres"], 2.0),
    (["kafka"], 2.0),
)
_REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry")


class Stack:
    """Broker, database and six processes below one folder; a test makes its own in a folder of its own.

    `given` are settings that win over the stack's own: TENURE_KAFKA or TENURE_DATABASE_URL there means that this
    server is used and none is started.
    """

    def __init__(
        self,
        paths: Paths,
        given: Mapping[str, str],
        only: Collection[str] = (),
        wanted: Mapping[str, int] | None = None,
    ) -> None:
        self.paths = paths
        self.given = dict(given)
        paths.make()
        keys.make(paths.keys)
        wanted = wanted or {}
        self.ports = {name: ports.choose(wanted.get(name, 0)) for name in PORTS}
        self.broker = broker.choose(given)
        self.kafka = self._new_kafka()
        self.postgres = None if "TENURE_DATABASE_URL" in given else self._new_postgres()
        named = {**self._servers(), **{each.name: each for each in self._new_services()}}
        self.processes: dict[str, Process] = {name: each for name, each in named.items() if name in (only or named)}

    def _new_kafka(self) -> Kafka | Embedded | None:
        if self.broker == "given":
            return None
        if self.broker == "embedded":
            return Embedded(self.paths, self.ports["kafka"])
        return Kafka(self.paths, self.ports["kafka"], self.ports["kafka-controller"])

    def _new_postgres(self) -> Postgres:
        return Postgres(self.paths, keys.passwords(self.paths.keys)["postgres"], self.ports["postgres"])

    def _servers(self) -> dict[str, Process]:
        return {each.name: each for each in (self.kafka, self.postgres) if each is not None}

    def _new_services(self) -> list[Service]:
        return [
            Service(service, kind, self.paths, self.ports[name], self.told(service, kind))
            for kind in KINDS
            for service in keys.SERVICES
            for name in [f"{service}-{kind}"]
        ]

    @property
    def bootstrap(self) -> str:
        """Give Kafka's bootstrap servers, ours or the given ones."""
        return self.kafka.bootstrap if self.kafka is not None else self.given["TENURE_KAFKA"]

    @property
    def admin_url(self) -> str:
        """Give the administrator's URL of the database, ours or the given one."""
        return self.postgres.url() if self.postgres is not None else self.given["TENURE_DATABASE_URL"]

    def environment(self) -> dict[str, str]:
        """Give the settings of the tools that work on this stack: `publish`, `verify`, `demo`."""
        return {**settings.of_tools(self.admin_url, self.bootstrap, self.ports, self.paths), **self.given}

    def told(self, service: str, kind: str) -> dict[str, str]:
        """Give the settings of one of the six processes; it sees no database URL but its own."""
        own = settings.of_service(service, kind, self.ports[f"{service}-{kind}"], self.admin_url, self.paths)
        return settings.without_others_secrets({**self.environment(), **own, **self.given}, service)

    def services(self) -> list[Service]:
        """List the processes of ours that this stack has."""
        return [each for each in self.processes.values() if isinstance(each, Service)]

    def prepare_database(self) -> None:
        """Make the database, its roles, schemas and tables, and store the pack."""
        if self.postgres is not None:
            create_database(self.postgres.url("postgres"), DATABASE)
        self._run_tool("tools.stack.migrate")

    def declare_topics(self) -> None:
        """Make the broker's topics what is declared."""
        self._run_tool("tools.topics", "apply")

    def fill_broker(self) -> None:
        """Declare the topics; what was published to a broker that has forgotten it is published again."""
        self.declare_topics()
        if self._has_tables() and "embedded" in (self.broker, last_broker(self.paths.stack)):
            publish_all_again(self.admin_url)

    def _has_tables(self) -> bool:
        return "postgres" in self.processes or bool(self.services())

    def _run_tool(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        environment = {**without_settings(), **self.environment()}
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            log = self.paths.logs / f"{module.rpartition('.')[2]}.log"
            log.write_text(ran.stdout + ran.stderr)
            said = (ran.stderr or ran.stdout).strip()
            raise StackError(f"{said.splitlines()[-1]} (all of it is in {log})" if "Traceback" in said else said)

    def start(self, say: Say = lambda line: None) -> None:
        """Start everything and wait until it is ready; what was started is stopped if that fails."""
        try:
            self.start_servers(say)
            for each in self.services():
                each.spawn()
            for each in self.services():
                each.wait_ready(40)
                say(f"{each.name} is ready on port {each.port}")
        except BaseException:
            self.stop()
            raise

    def start_servers(self, say: Say = lambda line: None) -> None:
        """Start broker and database, both at once, and make tables and topics."""
        servers = [each for each in self._servers().values() if each.name in self.processes]
        if isinstance(self.processes.get("kafka"), Embedded):
            say(broker.warning())
        for each in servers:
            if isinstance(each, Kafka) and not JARS.exists():
                say("Apache Kafka's jars are fetched (once, about 40 MB)")
            say(f"{each.name} starts")
            each.prepare()
            each.spawn()
        for each in servers:
            each.wait_ready()
            say(f"{each.name} is ready on port {each.port}")
        if self._has_tables():
            self.prepare_database()
            say("database has its roles, schemas and tables")
        if "kafka" in self.processes or self.services():
            self.fill_broker()
            say("topics are as declared")

    def stop(self) -> None:
        """Stop everything, in order, within ten seconds; what some do not need of their grace, the next have too."""
        until = time.monotonic()
        for names, grace in STOP_ORDER:
            until = max(until, time.monotonic()) + grace
            group = [self.processes[name] for name in names if name in self.processes]
            for each in group:
                each.resume()  # A frozen process hears nothing.
                each.send(each.stop_signal)
            for each in group:
                each.wait_gone(max(0, until - time.monotonic()))

    def record(self, restarts: Mapping[str, int]) -> None:
        """Write down what runs, and where; never a secret."""
        database = conninfo_to_dict(self.admin_url)
        described = {
            "ports": self.ports,
            "kafka": self.bootstrap,
            "broker": self.broker,
            "database_is": "given" if self.postgres is None else "wheel",
            "database": f"{database.get('host')}:{database.get('port', 5432)}/{database.get('dbname')}",
            "processes": {name: _described(each, restarts.get(name, 0)) for name, each in self.processes.items()},
        }
        part = self.paths.stack.with_suffix(".part")
        part.write_text(json.dumps(described, indent=1))
        part.rename(self.paths.stack)


def _described(process: Process, restarts: int) -> dict[str, object]:
    identity = process.identity()
    return {
        "pid": identity.pid if identity else None,
        "started": identity.started if identity else None,
        "port": process.port,
        "restarts": restarts,
    }


def remembered(path: Path) -> dict[str, int]:
    """Give the ports of the last time, else those that are tried first."""
    try:
        known = json.loads(path.read_bytes())["ports"]
        return {name: int(known.get(name, port)) for name, port in PORTS.items()}
    except (FileNotFoundError, KeyError, ValueError, TypeError, AttributeError):
        return dict(PORTS)


def last_broker(path: Path) -> str | None:
    """Say which kind of broker ran here the last time; None where that is not known."""
    try:
        found: str | None = json.loads(path.read_bytes()).get("broker")
    except (FileNotFoundError, ValueError, AttributeError):
        return None
    return found


def database_answers(url: str) -> bool:
    """Say whether a database that we did not start answers; one that answers with a refusal is not waited for."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        said = str(error).rpartition("FATAL:")[2].strip()
        if any(words in said for words in _REFUSALS):
            raise StackError(f"The database at TENURE_DATABASE_URL refuses: {said}. Mend the URL.") from None
        return False
    return True
