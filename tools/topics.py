"""Make the broker's topics what `shared.topics` declares, and say where they are not."""

import argparse
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from shared.brokers import Brokers
from shared.clock import monotonic
from shared.settings import Settings
from shared.starting import misshapen
from shared.topics import BY_NAME, FAMILIES, TOPICS, Topic

BOOTSTRAP_DEFAULT = "127.0.0.1:19092"
BOOTSTRAP_WAIT_MS = 5_000
CREATE_WAIT_MS = 15_000
SHOWN_SECONDS_MAX = 15.0  # As long as for the making of a topic.
SHOWN_POLL_SECONDS = 0.1
STACK_FILE = Path(__file__).resolve().parents[1] / ".tenure" / "stack.json"

Say = Callable[[str], None]

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}")


class BrokerMissing(Exception):
    """Kafka does not answer, or refuses; the message names the address and the mend."""


def bootstrap_servers(environment: Mapping[str, str] = os.environ, stack_file: Path = STACK_FILE) -> str:
    """Find the broker: `TENURE_KAFKA`, else the local stack's, else where the stack tries first."""
    if environment.get("TENURE_KAFKA"):
        return environment["TENURE_KAFKA"]
    try:
        return str(json.loads(stack_file.read_text())["kafka"])
    except (OSError, ValueError, KeyError, TypeError):
        return BOOTSTRAP_DEFAULT


@contextmanager
def reachable(bootstrap: str) -> Iterator[None]:
    """Turn the client's many errors into one sentence that names the broker and the mend."""
    # The client logs each failed attempt; the sentence below says it once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        yield
    except KafkaError as error:
        user = os.environ.get("TENURE_KAFKA_USER")  # The client says no more of a wrong password than of silence.
        doubt = f" It was asked as {user}: check TENURE_KAFKA_PASSWORD too." if user else ""
        raise BrokerMissing(
            f"Kafka at {bootstrap} does not answer as it should ({error}): "
            f"start it with `./tenure up`, or set TENURE_KAFKA to host:port of one that runs.{doubt}"
        ) from error


def brokers_at(bootstrap: str) -> Brokers:
    """Give the brokers at an address, asked as the user that the settings name.

    Refuses what is not `host:port,host:port` before a client guesses what was meant.
    """
    parts = [part.strip() for part in bootstrap.split(",")]
    if not all(_ADDRESS.fullmatch(part) for part in parts):
        raise BrokerMissing(f"The broker's address is not host:port ({bootstrap}): set TENURE_KAFKA to one that is.")
    if faults := misshapen():
        raise BrokerMissing("\n".join(faults))
    return Settings(kafka=",".join(parts)).brokers


@contextmanager
def admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """Open an admin client, and close it."""
    with reachable(bootstrap):
        client = KafkaAdminClient(
            **brokers_at(bootstrap).kafka_python(), bootstrap_timeout_ms=BOOTSTRAP_WAIT_MS, client_id="tenure-topics"
        )
        try:
            yield client
        finally:
            client.close()


def apply(bootstrap: str, say: Say = print) -> list[str]:
    """Create and mend topics until they are as declared; returns the drift that cannot be mended without losing data.

    A topic that nobody declared is named and left: it may hold something, and it stops nobody's work.
    """
    with admin(bootstrap) as client:
        there = _partitions(client)
        _create(client, [topic for topic in TOPICS if topic.name not in there], say)
        for topic in TOPICS:
            if there.get(topic.name, topic.partitions) < topic.partitions:
                client.create_partitions({topic.name: topic.partitions})
                say(f"grew {topic.name} from {there[topic.name]} to {topic.partitions} partitions")
        _mend(client, say)
        for sentence in _strays(client):
            say(f"left alone: {sentence}")
        return once_shown(lambda: _mendable(client)) + _surplus(client)


def once_shown(differing: Callable[[], list[str]]) -> list[str]:
    """Give what still differs after a change, as soon as nothing does or SHOWN_SECONDS_MAX have passed.

    Kafka says yes once its controller has written a change, and a broker shows it a moment later.
    """
    until = monotonic() + SHOWN_SECONDS_MAX
    while (found := differing()) and monotonic() < until:
        time.sleep(SHOWN_POLL_SECONDS)
    return found


def check(bootstrap: str) -> list[str]:
    """Say, in a sentence each, where the broker's topics differ from the declaration."""
    with admin(bootstrap) as client:
        return _drift(client) + _strays(client)


def _create(client: KafkaAdminClient, missing: list[Topic], say: Say) -> None:
    for number, topic in enumerate(missing, start=1):
        wanted = {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.config}
        try:
            client.create_topics({topic.name: wanted}, timeout_ms=CREATE_WAIT_MS, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            continue  # Somebody applied the same declaration at the same time.
        say(f"[{number}/{len(missing)}] created {topic.name}: {topic.kind}, {_shape(topic)}")


def _shape(topic: Topic) -> str:
    kept = "the newest of each key" if topic.retention is None else f"{topic.retention.days} days"
    return f"{topic.partitions} partition{'s' if topic.partitions > 1 else ''}, keeps {kept}"


def _mend(client: KafkaAdminClient, say: Say) -> None:
    """Set, one by one, what drifted; settings that nobody named here are left as they are."""
    for name, differing in _differing(client).items():
        changes: dict[str, Any] = {
            key: (AlterConfigOp.DELETE, None) if wanted is None else (AlterConfigOp.SET, wanted)
            for key, (_, wanted) in differing.items()
        }
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, changes)], incremental=True)
        for key, (actual, wanted) in differing.items():
            say(f"mended {name}: {key} was {actual}, is {wanted or 'the default again'}")


def _partitions(client: KafkaAdminClient) -> dict[str, int]:
    return {found["name"]: len(found["partitions"]) for found in client.describe_topics() if not found["error_code"]}


def _differing(client: KafkaAdminClient) -> dict[str, dict[str, tuple[str, str | None]]]:
    """Find, per declared topic, settings that are not as declared: (actual, wanted); wanted None: not declared."""
    names = [name for name in BY_NAME if name in _partitions(client)]
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer = client.describe_configs(resources, config_filter="all")["topic"]
    return {name: found for name in names if (found := _settings_differing(BY_NAME[name], answer[name]))}


def _settings_differing(topic: Topic, actual: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str | None]]:
    declared = topic.config
    differing: dict[str, tuple[str, str | None]] = {}
    for key, setting in actual.items():
        if key in declared and setting["value"] != declared[key]:
            differing[key] = (setting["value"], declared[key])
        elif key not in declared and setting["config_source"] == "DYNAMIC_TOPIC_CONFIG":
            differing[key] = (setting["value"], None)
    return differing


def _drift(client: KafkaAdminClient) -> list[str]:
    """Say where declared topics differ."""
    return _mendable(client) + _surplus(client)


def _mendable(client: KafkaAdminClient) -> list[str]:
    """Say what `apply` makes as declared."""
    there = _partitions(client)
    found = [f"{name} is declared and not there." for name in BY_NAME if name not in there]
    for name, topic in BY_NAME.items():
        if there.get(name, topic.partitions) < topic.partitions:
            found.append(f"{name} has {there[name]} partitions, declared {topic.partitions}.")
    for name, differing in _differing(client).items():
        for key, (actual, wanted) in differing.items():
            found.append(f"{name}: {key} is {actual}, declared {wanted or 'nothing (the default)'}.")
    return found


def _surplus(client: KafkaAdminClient) -> list[str]:
    """Say which declared topics have partitions beyond the declaration."""
    there = _partitions(client)
    return [
        f"{name} has {there[name]} partitions, declared {topic.partitions}; none can be taken away."
        for name, topic in BY_NAME.items()
        if there.get(name, topic.partitions) > topic.partitions
    ]


def _strays(client: KafkaAdminClient) -> list[str]:
    """Say which topics bear one of our families' names and are not declared."""
    ours = (name for name in _partitions(client) if name.split(".")[0] in FAMILIES)
    return [f"{name} is there and not declared." for name in sorted(ours) if name not in BY_NAME]


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m tools.topics apply|check`; exit status 0: as declared, 1: drift or no broker."""
    parser = argparse.ArgumentParser(prog="python -m tools.topics", description=__doc__)
    parser.add_argument("verb", choices=("apply", "check"))
    parser.add_argument("--kafka", default=None, metavar="HOST:PORT", help="the broker, instead of TENURE_KAFKA's")
    given = parser.parse_args(arguments)
    return run(given.verb, given.kafka or bootstrap_servers())


def run(verb: str, bootstrap: str) -> int:
    """Apply or check, print what was done and what drift is left, and give the exit status."""
    try:
        drift = apply(bootstrap) if verb == "apply" else check(bootstrap)
    except BrokerMissing as error:
        print(error, file=sys.stderr)
        return 1
    for sentence in drift:
        print(f"drift: {sentence}")
    if drift:
        mend = "a person must decide about these" if verb == "apply" else "mend with `./tenure topics apply`"
        print(f"{len(drift)} difference{'s' if len(drift) > 1 else ''} from the declaration; {mend}.")
        return 1
    print(f"{len(TOPICS)} topics are as declared.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
