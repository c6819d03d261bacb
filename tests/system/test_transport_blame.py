"""Processes killed from outside, each at the same sound message: the message is not to blame, and is taken in."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from shared.events import INBOUND, REGISTERED, REVIEWS
from shared.ids import record_id, shard_of
from shared.topics import BY_NAME
from tests.stack import private_stack
from tests.system import counting, whole
from tests.system.publishing import INTELLIGENCE, LONG_AGO, Event, Message, message_of, publish
from tools.stack.assembly import Stack

KILLS = 4  # Counted alone they would park it.
STATES = 20
REST_SECONDS_MAX = 60
# What brings the record to each service, and a table that taking it in writes.
WAYS = {"intake": (INBOUND, "arrival"), "retention": (REGISTERED, "fact"), "review": (REVIEWS, "task")}

_HANGING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename <> current_user AND backend_type = 'client backend'"""
_TRIES = "SELECT attempts FROM {service}.position WHERE topic = %s AND part = %s AND attempt_at = next_offset"
_LETTERS = " UNION ALL ".join(f"SELECT topic, reason FROM {service}.dead_letter" for service in whole.WORKERS)


@pytest.fixture(scope="module")
def stack():
    with private_stack(whole.PARTS) as running:
        publish(running.bootstrap, overdue("first"))
        whole.wait_at_rest(running, REST_SECONDS_MAX)  # Every worker has been at every partition.
        yield running


@contextmanager
def nothing_can_be_taken_in(stack: Stack, service: str) -> Iterator[None]:
    """Hold a table of a service, so that whatever is tried is still being tried when its process is killed."""
    with psycopg.connect(stack.admin_url) as holding:
        holding.execute(f"LOCK TABLE {service}.{WAYS[service][1]} IN EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize("service", whole.WORKERS)
def test_a_message_at_which_processes_are_killed_from_outside_is_taken_in(stack, service):
    """Whose doing it was cannot be told from the count: a process of its own tries it, and lives."""
    worker = stack.processes[f"{service}-worker"]
    worker.kill()
    messages = overdue(f"of-{service}")
    publish(stack.bootstrap, messages)
    counting.wait_for(lambda: come(stack, service), REST_SECONDS_MAX, f"messages wait for {service}")

    with nothing_can_be_taken_in(stack, service):
        for death in range(1, KILLS + 1):
            worker.spawn()
            counting.wait_for(lambda: tries(stack, service, messages[0]) >= death, 30, f"try {death}")  # noqa: B023
            worker.kill()
            counting.ask(stack.admin_url, _HANGING)  # What waits for a lock does not see that its client has gone.
    worker.start(40)
    whole.wait_at_rest(stack, REST_SECONDS_MAX)

    assert "was settled by a process of its own" in worker.log.read_text()
    assert counting.arrivals(stack.admin_url).outcomes.keys() == {"accepted"}
    assert counting.ask(stack.admin_url, _LETTERS) == []
    whole.verify(stack)


def overdue(name: str) -> list[Message]:
    """Make the states of one record, long due for review: all is on one partition, and comes to every service."""
    subject = str(record_id("intelligence", name))
    who = {"source_system": "intelligence", "source_record_id": name, "record_type": "intelligence_report"}
    states = [
        {**who, **LONG_AGO, "unit": f"Unit {number}", "content": {"summary": "Made up."}} for number in range(STATES)
    ]
    return [
        message_of(Event(f"{name}/{n}", INTELLIGENCE, "tenure.record.revised.v1", subject, n, state))
        for n, state in enumerate(states, 1)
    ]


def come(stack: Stack, service: str) -> bool:
    """Say whether the others have read everything, and something waits for this service."""
    behind = [each for each in whole.under_way(stack.admin_url, stack.bootstrap) if " is at " in each]
    return bool(behind) and all(each.startswith(service) for each in behind)


def tries(stack: Stack, service: str, message: Message) -> int:
    """Give how many tries are written down of what comes next on a record's partition; 0 where none is."""
    topic = WAYS[service][0]
    part = shard_of(message.event.subject) % BY_NAME[topic].partitions
    found = counting.ask(stack.admin_url, _TRIES.format(service=service), topic, part)
    return int(found[0][0]) if found else 0
