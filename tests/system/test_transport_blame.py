"""Messages at which processes have ended without being to blame: a process of their own takes them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

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
TRIES_SECONDS_MAX = 60
REST_SECONDS_MAX = 90
BROUGHT_BY = {"intake": INBOUND, "retention": REGISTERED, "review": REVIEWS}

_HANGING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename <> current_user AND backend_type = 'client backend'"""
_TRIES = "SELECT attempts FROM position WHERE topic = %s AND part = %s AND attempt_at = next_offset"
_BLAME = """
UPDATE {service}.position SET attempt_at = next_offset, attempts = %s, until = next_offset + 1
WHERE topic = %s AND part = %s RETURNING part"""
_LETTERS = " UNION ALL ".join(f"SELECT topic, reason FROM {service}.dead_letter" for service in whole.WORKERS)


@pytest.fixture(scope="module")
def stack():
    with private_stack(whole.PARTS) as running:
        publish(running.bootstrap, overdue("first"))
        whole.wait_at_rest(running, REST_SECONDS_MAX)  # Every worker has been at every partition.
        yield running


@contextmanager
def nothing_can_be_taken_in(stack: Stack) -> Iterator[None]:
    """Hold intake's arrivals, so that whatever is tried is still being tried when its process is killed."""
    with psycopg.connect(stack.admin_url) as holding:
        holding.execute("LOCK TABLE intake.arrival IN EXCLUSIVE MODE")
        yield


def test_an_event_at_which_workers_are_killed_from_outside_is_taken_in(stack):
    worker, messages = stack.processes["intake-worker"], overdue("killed")
    worker.kill()
    publish(stack.bootstrap, messages)

    with nothing_can_be_taken_in(stack):
        for death in range(1, KILLS + 1):
            worker.spawn()
            counting.wait_for(partial(being_tried, stack, messages[0], death), TRIES_SECONDS_MAX, f"try {death}")
            worker.kill()
            counting.ask(stack.admin_url, _HANGING)  # What waits for a lock does not see that its client has gone.
    worker.start(40)

    check_taken_in(stack, "intake")


@pytest.mark.parametrize("service", ["retention", "review"])
def test_a_message_that_is_suspect_is_taken_in(stack, service):
    """That processes have ended at it is only written down: intake's were killed in truth."""
    worker, messages = stack.processes[f"{service}-worker"], overdue(f"of-{service}")
    worker.kill()
    publish(stack.bootstrap, messages)
    counting.wait_for(lambda: come(stack, service, messages[0]), REST_SECONDS_MAX, f"the record waits for {service}")
    topic, part = place(service, messages[0])
    assert counting.ask(stack.admin_url, _BLAME.format(service=service), KILLS, topic, part) == [(part,)]
    worker.start(40)

    check_taken_in(stack, service)


def check_taken_in(stack: Stack, service: str) -> None:
    """Check that everything came to rest, nothing was set aside, and a process of its own was asked."""
    whole.wait_at_rest(stack, REST_SECONDS_MAX)
    assert "was settled by a process of its own" in stack.processes[f"{service}-worker"].log.read_text()
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


def place(service: str, message: Message) -> tuple[str, int]:
    """Give the topic and partition that bring a record to a service."""
    topic = BROUGHT_BY[service]
    return topic, shard_of(message.event.subject) % BY_NAME[topic].partitions


def come(stack: Stack, service: str, message: Message) -> bool:
    """Say whether the others have read everything, and the record waits for this service."""
    topic, part = place(service, message)
    behind = [each for each in whole.under_way(stack.admin_url, stack.bootstrap) if " is at " in each]
    waits = any(each.endswith(f" in {topic}[{part}]") for each in behind)
    return waits and all(each.startswith(service) for each in behind)


def being_tried(stack: Stack, message: Message, times: int) -> bool:
    """Say whether intake's worker is at its work, and so many tries are written down of what is next."""
    tries = counting.ask(stack.admin_url, _TRIES, *place("intake", message))
    return stack.processes["intake-worker"].ready() and bool(tries) and tries[0][0] >= times
