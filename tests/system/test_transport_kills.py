"""Everything is killed while 20,000 events come in: nothing is lost, nothing counts twice, the state is the same."""

import random
import time
from collections import Counter

import pytest

from tests.stack import private_stack
from tests.system import counting
from tests.system.publishing import Publishing, made_up, publish

EVENTS = 20_000
PER_SECOND = 700
CRASH_POINTS = ("relay_after_kafka_commit:3", "relay_before_delete:3")
SETTLED_SECONDS_MAX = 90


@pytest.fixture
def stack():
    with private_stack(("kafka", "postgres", "intake-worker")) as running:
        yield running
        counting.last_words(running.processes["intake-worker"].log)


def test_kills_lose_nothing_and_repeat_nothing(stack, rng):
    url, bootstrap = stack.admin_url, stack.bootstrap
    messages = made_up(rng, EVENTS)
    watch = counting.Watch(url)
    began = time.monotonic()
    publishing = Publishing(bootstrap, messages, PER_SECOND)

    disturb(stack, rng)
    publishing.finish()
    counting.wait_drained(url, bootstrap, SETTLED_SECONDS_MAX)

    took, longest = time.monotonic() - began, watch.finish()
    first = check(stack, EVENTS)
    assert counting.states(url) == counting.undisturbed(messages, stack.paths.keys)
    again, rate = publish_again(stack, messages)
    assert again.outcomes["duplicate"] == first.outcomes.get("duplicate", 0) + EVENTS
    assert counting.states(url) == counting.undisturbed(messages, stack.paths.keys)
    print(
        f"\n{EVENTS} events in {took:.0f} s with 5 kills of the worker, 1 of the broker, 1 of the database;"
        f" {first.outcomes}; longest stop {longest:.1f} s; the same again, undisturbed: {rate:.0f}/s, all duplicates"
    )


def disturb(stack, rng: random.Random) -> None:
    """Kill the worker five times, twice of them in the relay, the broker once, the database once."""
    worker = stack.processes["intake-worker"]
    sound = dict(worker.settings)
    blows = ["random", "random", "random", *CRASH_POINTS, "broker", "database"]
    rng.shuffle(blows)
    for blow in blows:
        time.sleep(rng.uniform(0.5, 2.0))
        if blow == "broker":
            stack.kafka.kill()
            stack.kafka.start()
        elif blow == "database":
            stack.postgres.stop_at_once()
            stack.postgres.start()
        else:
            if blow != "random":
                worker.kill()
                worker.settings = {**sound, "TENURE_CRASH_POINT": blow}
                worker.spawn()
                counting.wait_for(lambda: not worker.running(), 30, f"the worker reaches {blow}")
                worker.settings = sound
            worker.kill()
            worker.spawn()
            counting.wait_for(worker.ready, 30, "the worker is back")


def publish_again(stack, messages) -> tuple[counting.Counted, float]:
    """Publish the same once more, at full speed; gives what is counted then, and the rate."""
    began = time.monotonic()
    publish(stack.bootstrap, messages)
    counting.wait_drained(stack.admin_url, stack.bootstrap, SETTLED_SECONDS_MAX)
    rate = len(messages) / (time.monotonic() - began)
    return check(stack, 2 * len(messages)), rate


def check(stack, arrived: int) -> counting.Counted:
    """Check one receipt per arrival, in the tables and on the topic, and each change in its order and in the ledger."""
    found = counting.arrivals(stack.admin_url)
    assert (found.rows, found.places) == (arrived, arrived)
    assert set(found.outcomes) <= {"accepted", "superseded", "duplicate"}
    assert Counter(counting.accounts(stack.admin_url)) == Counter(found.outcomes)
    told = counting.receipts(stack.bootstrap, arrived)
    print(f"\n{told.total()} receipts on the topic, {len(told)} distinct")
    assert counting.steps_back(stack.bootstrap) == []
    counting.wait_for(lambda: counting.ledger_gaps(stack.admin_url) == (0, 0), 20, "every log row has its leaf")
    return found
