"""Everything is killed while 20,000 events come in: nothing is lost, nothing counts twice, the state is the same."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest

from shared.events import CHECKPOINTS, RECEIPTS, REVIEWS, SCHEDULES, TASKS
from tests.stack import private_stack
from tests.system import counting, whole
from tests.system.publishing import Publishing, made_up, overdue, publish
from tools.stack.assembly import Stack
from tools.stack.service import Service

EVENTS = 20_000
PER_SECOND = 700
AT_RANDOM = "at random"
ANNOUNCER_POINT = "announcer_after_kafka_commit:2"
# Each worker dies five times, three of them at random instants; retention once more, where it announces schedules.
# Retention's relay and review's have little to say: the first passage of a point must do.
DEATHS = {
    "intake": ("relay_after_kafka_commit:3", "relay_before_delete:3"),
    "retention": ("relay_after_kafka_commit:1", "relay_before_delete:1", ANNOUNCER_POINT),
    "review": ("relay_after_kafka_commit:1", "relay_before_delete:1"),
}
SCHEDULED = "retention.schedule JOIN retention.record USING (record_key)"
POINT_SECONDS_MAX = 40
REST_SECONDS_MAX = 90
ENDED_BY_THEMSELVES_MAX = 3


@pytest.mark.timeout(480)
def test_kills_of_all_three_workers_lose_nothing_and_repeat_nothing(rng):
    messages = made_up(rng, EVENTS)
    digest, states, outcomes = undisturbed(messages)
    with private_stack(whole.PARTS) as stack:
        crew = Crew(stack, rng)
        began = time.monotonic()
        try:
            disturb(crew, rng, messages)
            crew.wait_for(lambda: tasks(stack) == len(overdue(messages)), 60, "every overdue record has its task")
            whole.wait_at_rest(stack, REST_SECONDS_MAX, crew.tend)
            took = time.monotonic() - began
            check(stack, messages, 1, outcomes)
            assert differing(states, whole.subjects(stack)) == []
            told = whole.verify(stack, "--same-as", digest)
            check_repeats(crew)
            rate = again(crew, messages, outcomes, digest)
        finally:
            crew.last_words()
    print(
        f"\n{EVENTS} events in {took:.0f} s while {crew.told()}: {outcomes};"
        f" {told['I5']['checked']} subjects' state as in an undisturbed run, {len(told)} invariants hold;"
        f" the same again: {rate:.0f}/s, all duplicates, the same state"
    )


def undisturbed(messages) -> tuple[str, dict[str, str], dict[str, int]]:
    """Let a stack of its own take the same in at peace; gives the state with its digest, what became of the events."""
    with private_stack(whole.PARTS) as peaceful:
        publish(peaceful.bootstrap, messages)
        whole.wait_at_rest(peaceful, REST_SECONDS_MAX)
        outcomes = counting.arrivals(peaceful.admin_url).outcomes
        return whole.state_digest(peaceful), whole.subjects(peaceful), outcomes


def differing(wanted: dict[str, str], found: dict[str, str]) -> list[tuple[str, str | None, str | None]]:
    """Give the subjects whose state is not the one wanted, with both."""
    names = sorted(wanted.keys() | found.keys())
    return [(each, wanted.get(each), found.get(each)) for each in names if wanted.get(each) != found.get(each)]


class Crew:
    """The three workers: each dies as told, and is started again when it ended, as a supervisor would."""

    def __init__(self, stack: Stack, rng: random.Random) -> None:
        self.stack, self.rng = stack, rng
        self.workers: dict[str, Service] = {each.service: each for each in stack.services()}
        self.sound = {service: dict(worker.settings) for service, worker in self.workers.items()}
        self.deaths = {service: self._deaths(points) for service, points in DEATHS.items()}
        self.died: Counter[str] = Counter()
        self.by_themselves: Counter[str] = Counter()
        self.servers = ["kafka", "postgres"]
        self.unmarked = 0

    def _deaths(self, points: tuple[str, ...]) -> list[str]:
        rest = [AT_RANDOM, AT_RANDOM, *points]
        self.rng.shuffle(rest)
        return [AT_RANDOM, *rest]  # The first start was a sound one.

    def left(self) -> list[str]:
        """Give what is still to be struck; a worker as often as it has deaths left."""
        return [service for service, deaths in self.deaths.items() for _ in deaths] + self.servers

    def face(self, what: str) -> None:
        """Wait until what is struck next is at work; a worker on its way to a crash point need not be."""
        if what in self.workers and self.deaths[what][0] == AT_RANDOM:
            self.wait_for(self.workers[what].ready, 30, f"{what} is ready")

    def strike(self, what: str) -> None:
        """Kill a server or a worker, or see a worker reach its crash point; what died is started again."""
        if what in self.servers:
            self.stack.postgres.stop_at_once() if what == "postgres" else self.stack.kafka.kill()
            self.stack.processes[what].start()
            self.servers.remove(what)
            self.died[what] += 1
        elif self.deaths[what][0] == AT_RANDOM:
            self.workers[what].kill()
            self._died(what)
        else:
            left, point = len(self.deaths[what]), self.deaths[what][0]
            self.wait_for(lambda: len(self.deaths[what]) < left, POINT_SECONDS_MAX, f"{what} reaches {point}")

    def tend(self) -> None:
        """Start again what ended, at its crash point or by itself."""
        for service, worker in self.workers.items():
            if worker.running():
                continue
            if "TENURE_CRASH_POINT" in worker.settings and _status(worker) == -signal.SIGKILL:
                self._died(service)
                continue
            self.by_themselves[service] += 1
            print(f"\n{service} ended by itself: {worker.last_lines(8)}")
            assert self.by_themselves.total() <= ENDED_BY_THEMSELVES_MAX, "workers end again and again"
            worker.spawn()

    def _died(self, service: str) -> None:
        """Note a death, and start the worker on its way to the next."""
        death, worker = self.deaths[service][0], self.workers[service]
        if death == ANNOUNCER_POINT:
            self.unmarked = not_marked(self.stack)
        self.deaths[service].pop(0)
        self.died[f"{service} {death.partition(':')[0]}"] += 1
        following = (self.deaths[service] or [AT_RANDOM])[0]
        point = {} if following == AT_RANDOM else {"TENURE_CRASH_POINT": following}
        worker.settings = {**self.sound[service], **point}
        worker.spawn()

    def wait_for(self, holds: Callable[[], object], seconds: float, what: str) -> None:
        """Wait as `counting.wait_for`, and tend meanwhile."""

        def looked() -> object:
            self.tend()
            return holds()

        counting.wait_for(looked, seconds, what)

    def last_words(self) -> None:
        for worker in self.workers.values():
            counting.last_words(worker.log, 15)

    def told(self) -> str:
        """Say who died of what."""
        told = [f"{count} x {what}" for what, count in sorted(self.died.items())]
        return f"{', '.join(told)} ({self.by_themselves.total()} ended by themselves)"


def _status(worker: Service) -> int | None:
    return worker.child.returncode if worker.child else None


def disturb(crew: Crew, rng: random.Random, messages) -> None:
    """Strike blow after blow, each while its share of the events comes in."""
    size = -(-len(messages) // len(crew.left()))
    shares = [messages[at : at + size] for at in range(0, len(messages), size)]
    while crew.left():
        blow = rng.choice(crew.left())
        crew.face(blow)
        publishing = Publishing(crew.stack.bootstrap, shares.pop(0), PER_SECOND)
        time.sleep(rng.uniform(0.1, 1.5))
        crew.strike(blow)
        publishing.finish()
    for share in shares:  # Several died of one blow: one crash point lay behind another.
        publish(crew.stack.bootstrap, share)
    for service, worker in crew.workers.items():
        crew.wait_for(worker.ready, 30, f"{service} is back")


def check(stack: Stack, messages, times: int, outcomes: dict[str, int]) -> None:
    """Check one receipt per arrival, in the tables and on the topic, the outcomes, and each change in its order."""
    arrived = times * len(messages)
    found = counting.arrivals(stack.admin_url)
    assert (found.rows, found.places) == (arrived, arrived)
    assert found.outcomes == outcomes
    assert Counter(counting.accounts(stack.admin_url)) == Counter(outcomes)
    assert counting.receipts(stack.bootstrap, arrived).total() >= arrived
    assert counting.steps_back(stack.bootstrap) == []
    check_announced(stack)
    assert counting.states(stack.admin_url) == counting.undisturbed(messages, stack.paths.keys)
    assert counting.ledger_gaps(stack.admin_url) == (0, 0)


def check_announced(stack: Stack) -> None:
    """Check that the topic of schedules said each record's newest version last, and none out of order."""
    rows = counting.ask(stack.admin_url, f"SELECT record_uid::text, version, announced_version FROM {SCHEDULED}")
    assert counting.last_versions(stack.bootstrap, SCHEDULES) == {uid: version for uid, version, _ in rows}
    assert [uid for uid, version, announced in rows if version != announced] == []
    assert counting.steps_back(stack.bootstrap, SCHEDULES) == []


def check_repeats(crew: Crew) -> None:
    """Check that the crash points lay between Kafka's commit and the table's: what was told there is told again."""
    told = whole.repeated(crew.stack.bootstrap, (RECEIPTS, REVIEWS, TASKS, CHECKPOINTS))
    print(f"\ntold more than once: {dict(told)}; schedules told and not yet marked at that kill: {crew.unmarked}")
    assert set(told) == set(whole.WORKERS)
    assert crew.unmarked > 0


def again(crew: Crew, messages, outcomes: dict[str, int], digest: str) -> float:
    """Publish the same once more, at full speed: all duplicates, nothing changes; gives the rate."""
    stack, began = crew.stack, time.monotonic()
    publish(stack.bootstrap, messages)
    whole.wait_at_rest(stack, REST_SECONDS_MAX, crew.tend)
    rate = len(messages) / (time.monotonic() - began)
    duplicates = outcomes.get("duplicate", 0) + len(messages)
    check(stack, messages, 2, {**outcomes, "duplicate": duplicates})
    whole.verify(stack, "--same-as", digest)
    assert tasks(stack) == len(overdue(messages))
    return rate


def tasks(stack: Stack) -> int:
    """Count review's tasks."""
    return int(counting.ask(stack.admin_url, "SELECT count(*) FROM review.task")[0][0])


def not_marked(stack: Stack) -> int:
    """Count the schedules whose version is on the topic and not marked as announced."""
    announced = dict(counting.ask(stack.admin_url, f"SELECT record_uid::text, announced_version FROM {SCHEDULED}"))
    last = counting.last_versions(stack.bootstrap, SCHEDULES)
    return sum(version > announced[key] for key, version in last.items())
