"""A real Kafka, broker and controller in one process, from its own jars."""

import base64
import logging
import shutil
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from shared.settings import Settings
from tools.stack import jars, ports
from tools.stack.errors import StackError
from tools.stack.paths import JARS, Paths
from tools.stack.process import Process

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=1
num.io.threads=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""
_LOG4J = """status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
"""
_JAVA_OPTIONS = (
    "-Xms256m",
    "-Xmn128m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dlog4j2.configurationFile=log4j2.properties",
)
_silent = logging.getLogger("tenure.stack.kafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # librdkafka says a line per failed attempt while the broker starts.


class Kafka(Process):
    """One Kafka node with its own data folder; `start`, `stop`, `kill`, `pause`, `resume`."""

    def __init__(self, paths: Paths, port: int = 0, controller_port: int = 0) -> None:
        super().__init__("kafka", paths, port or ports.choose())
        self.controller_port = controller_port or ports.choose()

    @property
    def bootstrap(self) -> str:
        """Give the bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def folder(self) -> Path:
        """Give the folder of its data and properties."""
        return self.paths.kafka

    def prepare(self) -> None:
        """Fetch the jars, write the properties, format the data folder once."""
        java = jars.java()
        jars.fetch(JARS)
        self.paths.kafka.mkdir(parents=True, exist_ok=True)
        properties = PROPERTIES.format(port=self.port, controller=self.controller_port)
        (self.paths.kafka / "server.properties").write_text(properties)
        (self.paths.kafka / "log4j2.properties").write_text(_LOG4J)
        if not (self.paths.kafka / "data" / "meta.properties").exists():
            self._format(java)

    def _format(self, java: str) -> None:
        shutil.rmtree(self.paths.kafka / "data", ignore_errors=True)  # Half formatted.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [java, *_JAVA_OPTIONS, "-cp", f"{JARS}/*", "kafka.tools.StorageTool", "format"]
        # With `=`: an id that starts with `-` would be taken for an option.
        tool += [f"--cluster-id={cluster}", "-c", "server.properties"]
        ran = subprocess.run(tool, cwd=self.paths.kafka, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise StackError(f"Kafka's data folder could not be formatted:\n{ran.stdout}{ran.stderr}")

    def command(self) -> list[str]:
        """Give the broker's command line."""
        return [jars.java(), *_JAVA_OPTIONS, "-cp", f"{JARS}/*", "kafka.Kafka", "server.properties"]

    def ready(self) -> bool:
        """Say whether an admin client could create a topic."""
        return ports.answers(self.port) and can_create_topics(self.bootstrap)


def can_create_topics(bootstrap: str, wait_seconds: float = 2.0) -> bool:
    """Ask a broker whether it would create a topic, without creating one."""
    brokers = Settings(kafka=bootstrap).brokers  # As the user that the settings name, where the broker is a given one.
    options = {**brokers.librdkafka(), "reconnect.backoff.max.ms": 100, "log_level": 0}
    admin = AdminClient(options, logger=_silent)
    topic = NewTopic("tenure.readiness", num_partitions=1, replication_factor=1)
    try:
        answers = admin.create_topics([topic], validate_only=True, request_timeout=wait_seconds)
        answers["tenure.readiness"].result(timeout=wait_seconds + 1)
    except (KafkaException, TimeoutError):
        return False
    return True
