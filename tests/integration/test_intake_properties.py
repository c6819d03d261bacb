"""I5 and the accounts, as properties: any order, any duplication, any batches, on a real database."""

import asyncio
import dataclasses

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.db import connect, driver
from shared.events import FactRegistered, NominalRegistered, RecordRegistered
from tests.make_arrivals import (
    DESK,
    PACK,
    Topic,
    accounts_close,
    activity,
    activity_withdrawn,
    captured,
    contact,
    contact_withdrawn,
    distinguished,
    event,
    merged,
    nominal,
    rows,
    take,
    trigger,
    trigger_withdrawn,
    unmerged,
    withdrawn,
)
from tests.make_registered import fold

EXAMPLES, CONFLICTS = 40, 25
MODELS = {each.type: each for each in (RecordRegistered, NominalRegistered, FactRegistered)}
CRIMES = dataclasses.replace(PACK.record_types["crime_report"], settled=("/created_on",))
SETTLING = dataclasses.replace(
    DESK, pack=dataclasses.replace(PACK, record_types={**PACK.record_types, "crime_report": CRIMES})
)


def suspected(*people):
    return [{"nominal_source": "crime", "nominal_id": each, "role": "suspect"} for each in people]


def states(record):
    """A record in six states: two alike, one without its suspect, one refused, one entered in error."""
    told = {"created_on": "2022-08-02", "reported_at": "2022-08-01T22:10:00+01:00"}
    car = [{"kind": "vehicle", "ref": f"{record} CAR"}]
    return [
        captured(record, 1, links=suspected("p1", "p2"), objects=car, **told),
        captured(record, 2, links=suspected("p1"), unit="A", **told),
        captured(record, 3, links=suspected("p1"), unit="A", **told),
        captured(record, 4, unit="B", **told),
        captured(record, 5, occurred_on="2022", **told),
        captured(record, 6, links=suspected("p2"), places=car, **told),
        withdrawn(record, 7),
    ]


POOL = [
    *(each for record in ("r1", "r2", "r3") for each in states(record)),
    *(nominal(person, n, flags=flags) for person in ("p1", "p2") for n, flags in ((1, []), (2, ["mappa"]), (3, []))),
    *(contact("c1", "p1"), contact("c2", "p2", on="2025-01-02"), contact_withdrawn("cw1", "c1", "p1")),
    *(
        trigger("t1", "r1"),
        trigger("t2", "r9"),
        trigger("t3", "r2", trigger="sung"),
        trigger_withdrawn("tw1", "t1", "r1"),
    ),
    *(activity("a1", "r1"), activity("a2", None, "p2"), activity_withdrawn("aw1", "a1", "r1")),
    *(merged("m1", "p2", "p1"), unmerged("u1", "m1", "p1"), distinguished("d1", "p1", "p3")),
    event("tenure.record.sung.v1", {"record_id": "b2e13884-82a0-501b-8a6a-60c16468cde6"}, "sung"),
    captured("r4", marking="SECRET"),
]
FORBIDDEN, BROKEN = POOL[-1], b"{"


@pytest.fixture
def run(worker_url):
    """Run something on a transaction of intake's worker that is rolled back."""
    with asyncio.Runner() as runner:
        engine = connect(worker_url("intake"), name="tests", pool_size=1, idle_in_transaction_session_timeout="0")

        async def alone(work):
            async with engine.connect() as connection:
                undone = (await driver(connection)).transaction()
                await undone.start()
                try:
                    return await work(connection)
                finally:
                    await undone.rollback()

        yield lambda work: runner.run(alone(work))
        runner.run(engine.dispose())


@st.composite
def ways(draw, of):
    """A set of events, and a way in which they come: shuffled, some twice, in batches, by three partitions."""
    chosen = draw(st.lists(st.sampled_from(of), min_size=2, max_size=25, unique_by=lambda each: each["id"]))
    sent = draw(st.permutations(chosen + draw(st.lists(st.sampled_from(chosen), max_size=6))))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(sent) - 1)), max_size=6)))
    batches = [sent[at:to] for at, to in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    return chosen, [batch for batch in batches if batch], draw(st.integers(0, 2))


async def taken(connection, batches, parts=1):
    """Take events in, batch by batch; gives the state, and how many came."""
    topics, outcomes = [Topic(part) for part in range(parts)], []
    for number, batch in enumerate(batches):
        arrived = [topics[(number + n) % parts].of(each) for n, each in enumerate(batch)]
        outcomes += await take(connection, *arrived, topics[0].raw(BROKEN), desk=SETTLING)
    await accounts_close(connection)
    assert len(outcomes) == sum(map(len, batches)) + len(batches)
    return await _state(connection)


async def _state(connection):
    """Give all that must not depend on the way: subjects, what waits, what is found, and what the facts amount to."""
    queries = (
        "SELECT record_uid, source, sequence, state_mac, settled, shown_sequence, things, metadata FROM record"
        " JOIN source USING (source_key) ORDER BY 1, 2",
        "SELECT q.event_uid, q.state FROM quarantine q JOIN arrival a USING (arrival_key)"
        " WHERE a.outcome = 'quarantined' ORDER BY 1",
        "SELECT record_uid, o.kind, digest FROM object_ref o JOIN record USING (record_key) ORDER BY 1, 2, 3",
        "SELECT DISTINCT event_uid, record_uid, s.sequence, s.state_mac"
        " FROM record_state s JOIN record USING (record_key) JOIN arrival a USING (arrival_key) ORDER BY 1",
    )
    told = await rows(connection, "SELECT type, payload FROM log WHERE topic = 'records.registered.v1'")
    facts = [msgspec.json.decode(payload, type=MODELS[kind]) for kind, payload in told if kind in MODELS]
    assert len({fact.event_uid for fact in facts}) == len(facts), "an event is registered once"
    canonical = {(fact.event_uid, fact.sequence, msgspec.json.encode(_data(fact))) for fact in facts}
    return [await rows(connection, query) for query in queries], canonical, fold(facts)


def _data(fact):
    return fact.data if isinstance(fact, FactRegistered) else fact.state


def test_any_way_of_the_same_events_gives_the_same_state_and_closing_accounts(run, seed) -> None:
    @hypothesis.seed(seed)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @hypothesis.given(ways(POOL))
    def holds(way):
        chosen, batches, parts = way
        once = run(lambda connection: taken(connection, [[each] for each in chosen[:3]] + [chosen[3:]]))
        assert run(lambda connection: taken(connection, batches, parts + 1)) == once

    holds()


RIVALS = [
    *((captured("r1", n, unit="A"), captured("r1", n, unit="B") | {"id": f"rival/{n}"}) for n in (1, 2)),
    (contact("c1", "p1"), contact("c1", "p1", on="2025-01-01")),
    (captured("r2", 1, created_on="2022-08-02"), captured("r2", 2, created_on="2022-08-03")),
    (captured("r3", 1, id_="one", created_on="2022-08-02"), captured("r3", 1, id_="two", created_on="2022-08-03")),
]
REASONS = {"sequence_conflict", "id_reused", "settled_field_altered"}


def test_of_two_that_contradict_each_other_the_first_stays_and_the_second_waits(run, seed) -> None:
    @hypothesis.seed(seed)
    @settings(max_examples=CONFLICTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @hypothesis.given(st.sampled_from(RIVALS), st.booleans(), st.booleans(), st.lists(st.sampled_from(POOL[7:21])))
    def holds(rivals, swapped, together, others):
        first, second = reversed(rivals) if swapped else rivals
        before, after = [first, *others], [second, first]
        batches = [before + after] if together else [before, after]

        async def work(connection):
            topic, receipts = Topic(), []
            for batch in batches:
                receipts += await take(connection, *topic.batch(*batch), desk=SETTLING)
            await accounts_close(connection)
            return [(each.outcome, {reason.code for reason in each.reasons}) for each in receipts]

        said = run(work)
        again = said[-1]
        assert said[0] == ("accepted", set())
        assert said[-2][0] == "quarantined"
        assert said[-2][1] <= REASONS
        assert again == ("duplicate", set())

    holds()
