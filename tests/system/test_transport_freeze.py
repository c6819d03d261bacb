"""What sleeps and wakes up writes nothing as if it still owned anything; what is away is waited for."""

import json
import time

import httpx
import pytest

from tests.stack import private_stack
from tests.system import counting, whole
from tests.system.publishing import Publishing, made_up, publish
from tools.stack import ports
from tools.stack.service import Service

FROZEN_SECONDS = 20
EVENTS = 6_000
LOOKS_MAX = 300
IN_A_BATCH = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = %s
AND relation = 'position'::regclass AND mode = 'RowExclusiveLock' AND state = 'idle in transaction'"""


@pytest.fixture
def stack():
    with private_stack(("kafka", "postgres", "intake-worker")) as running:
        yield running
        counting.last_words(running.processes["intake-worker"].log)


def second_worker(stack) -> Service:
    """Make one more worker of intake, in the next slot."""
    port = ports.choose()
    told = {**stack.told("intake", "worker"), "TENURE_SLOT": "1", "TENURE_HEALTH_PORT": str(port)}
    made = Service("intake", "worker", stack.paths, port, told)
    made.name = "intake-worker-1"
    stack.processes[made.name] = made
    return made


def test_a_worker_that_slept_owns_nothing_any_more(stack, rng):
    url, bootstrap = stack.admin_url, stack.bootstrap
    first, second = stack.processes["intake-worker"], second_worker(stack)
    second.start(40)
    messages = made_up(rng, EVENTS)
    watch = counting.Watch(url)
    publishing = Publishing(bootstrap, messages, EVENTS / (FROZEN_SECONDS + 8))
    try:
        time.sleep(3)

        tries = freeze_in_transaction(first, url)
        time.sleep(FROZEN_SECONDS)
        taken = counting.progress(url)
        first.resume()
        publishing.finish()
        supervised = restarted_until(first, lambda: counting.progress(url) == EVENTS)

        counting.wait_drained(url, bootstrap, 40)
        longest = watch.finish()
        found, told = counting.arrivals(url), counting.receipts(bootstrap, EVENTS)
        assert (found.rows, found.places) == (EVENTS, EVENTS)
        assert counting.states(url) == counting.undisturbed(messages, stack.paths.keys)
        assert counting.steps_back(bootstrap) == []
        assert taken > EVENTS / 3, "the second worker took over while the first slept"
        whole.verify(stack)
    finally:
        second.stop()
        first.resume()
    lost = first.log.read_text().count("Lost a batch")
    print(
        f"\n{EVENTS} events, frozen {FROZEN_SECONDS} s inside a batch's transaction (at look {tries}) and thawed: ended"
        f" itself {supervised} times, gave up {lost} batches; {found.outcomes},"
        f" {told.total() - len(told)} receipts told twice, longest stop of a partition {longest:.1f} s"
    )


def freeze_in_transaction(worker: Service, url: str) -> int:
    """Freeze a worker inside the transaction of a batch, its position moved; gives at which look it was there."""
    for look in range(1, LOOKS_MAX):
        worker.pause()
        time.sleep(0.02)  # What it had asked for by then is answered.
        if counting.ask(url, IN_A_BATCH, "intake-worker-0") != [(0,)]:
            return look
        worker.resume()
        time.sleep(0.01)
    return pytest.fail(f"it was in no batch's transaction in {LOOKS_MAX} looks")


def restarted_until(worker: Service, done) -> int:
    """Start a worker again whenever it ends; gives how often."""
    ends = 0

    def looked() -> bool:
        nonlocal ends
        if not worker.running():
            ends += 1
            worker.spawn()
        return done()

    counting.wait_for(looked, 60, "all events are settled")
    return ends


def health(worker: Service) -> tuple[int, dict]:
    """Give what a worker says of itself; status 0 when it does not answer yet."""
    try:
        answer = httpx.get(f"{worker.url}/readyz", timeout=4)
    except httpx.TransportError:
        return 0, {}
    return answer.status_code, answer.json()


def says(worker: Service, check: str) -> bool:
    status, body = health(worker)
    return status == 503 and body["checks"][check] is False


def test_servers_away_are_waited_for(stack, rng):
    url, bootstrap = stack.admin_url, stack.bootstrap
    worker = stack.processes["intake-worker"]

    worker.stop()
    stack.kafka.kill()
    worker.spawn()
    counting.wait_for(lambda: says(worker, "kafka"), 20, "says that Kafka is away")
    counting.wait_for(lambda: "does not answer" in str(health(worker)[1]["waits_for"]), 20, "and that it is asked")
    stack.kafka.start()
    broker_back = counting.wait_for(worker.ready, 30, "ready with the broker back")

    worker.stop()
    stack.postgres.stop_at_once()
    worker.spawn()
    counting.wait_for(lambda: says(worker, "database"), 20, "says that the database is away")
    stack.postgres.start()
    database_back = counting.wait_for(worker.ready, 30, "ready with the database back")

    process = worker.identity()
    publishing = Publishing(bootstrap, made_up(rng, 3_000), 250)
    time.sleep(1)
    stack.postgres.stop_at_once()
    counting.wait_for(lambda: says(worker, "database"), 8, "says that the database is lost")
    time.sleep(10)
    stack.postgres.start()
    publishing.finish()
    counting.wait_drained(url, bootstrap, 60)

    found = counting.arrivals(url)
    assert (found.rows, found.places, len(counting.receipts(bootstrap, 3_000))) == (3_000, 3_000, 3_000)
    assert worker.identity() == process
    print(
        f"\nready {broker_back:.1f} s after the broker came back, {database_back:.1f} s after the database did;"
        f" lost for 10 s under load without a restart: {found.outcomes}"
    )


def test_a_broker_that_froze_is_waited_for(stack, rng):
    worker = stack.processes["intake-worker"]
    publishing = Publishing(stack.bootstrap, made_up(rng, 2_000), 500)
    counting.wait_for(lambda: counting.progress(stack.admin_url), 20, "the first events are settled")

    stack.kafka.pause()
    try:
        said = counting.wait_for(lambda: says(worker, "kafka"), 30, "says that Kafka is away")
    finally:
        stack.kafka.resume()
    publishing.finish()
    # A relay whose transaction the broker gave up meanwhile is fenced, and ends its process; nothing else may.
    ends = restarted_until(worker, lambda: counting.progress(stack.admin_url) == 2_000)
    counting.wait_drained(stack.admin_url, stack.bootstrap, 60)

    found = counting.arrivals(stack.admin_url)
    assert (found.rows, found.places, len(counting.receipts(stack.bootstrap, 2_000))) == (2_000, 2_000, 2_000)
    assert "Assertion" not in worker.log.read_text(errors="replace"), "the client library ended the process"
    assert ends <= 1
    print(f"\nthe broker frozen under load: said after {said:.0f} s, ended {ends} times: {found.outcomes}")


def test_a_missing_topic_is_named(stack, rng):
    from confluent_kafka.admin import AdminClient

    worker = stack.processes["intake-worker"]
    worker.stop()
    admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
    for deleted in admin.delete_topics(["retention.schedules.v1"]).values():
        deleted.result(10)

    worker.spawn()
    counting.wait_for(lambda: says(worker, "kafka"), 20, "waits")
    counting.wait_for(lambda: "lacks retention.schedules.v1" in json.dumps(health(worker)[1]), 20, "names the topic")
    assert "lacks retention.schedules.v1" in worker.last_lines(30)
    stack.declare_topics()

    counting.wait_for(worker.ready, 30, "ready once the topic is there")
    publish(stack.bootstrap, made_up(rng, 50))
    counting.wait_drained(stack.admin_url, stack.bootstrap, 20)
