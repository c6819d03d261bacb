"""What is read for the metrics, on a real database: every value it should give, and none that it should not."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake.actions.take_in import take_in
from services.intake.storage import measures as of_intake
from services.retention.storage import measures as of_retention
from services.review.storage import measures as of_review
from shared import measuring
from shared.db import driver
from shared.metrics import DECLARED, Meter, Reading
from tests.make_arrivals import DESK, NOW, TODAY, Topic, captured

LATER = NOW + timedelta(minutes=2)
EACH_MINUTE = {"tenure_unreconciled", "tenure_timeliness_seconds", "tenure_records_late"}
BY_LOOK = EACH_MINUTE | {
    "tenure_lag_rows",
    "tenure_lag_seconds",
    "tenure_ready",
    "tenure_tick_succeeded_timestamp_seconds",
}
BY_LOOK |= {"tenure_backload_share"}


def by_name(readings: Iterable[Reading]) -> dict[tuple[str, ...], float]:
    """Give readings by the metric's name and its labels."""
    return {(each.metric.name, *each.labels): each.value for each in readings}


async def test_intake_counts_its_account_and_its_quarantine(intake_connection):
    topic = Topic()
    sent = topic.batch(captured(), captured(), captured("r2", occurred_on="2022-08"))
    await take_in(intake_connection, DESK, sent, NOW, TODAY)
    found = by_name(await of_intake.read(intake_connection, TODAY, LATER))
    assert found["tenure_arrivals_total", "accepted"] == 1
    assert found["tenure_arrivals_total", "duplicate"] == 1
    assert found["tenure_arrivals_total", "quarantined"] == 1
    assert found["tenure_arrivals_total", "unreadable"] == 0
    assert found["tenure_quarantine_open",] == 1
    assert found["tenure_quarantine_oldest_seconds",] == 120
    tomorrow = by_name(await of_intake.read(intake_connection, TODAY + timedelta(days=1), LATER))
    assert tomorrow["tenure_arrivals_total", "accepted"] == 0


async def test_queues_are_as_old_as_their_oldest_row(intake_connection):
    empty = by_name(await measuring.queues(intake_connection, LATER, ["a.topic"]))
    assert set(empty.values()) == {0}
    assert ("tenure_dead_letters", "a.topic") in empty
    topic = Topic()
    await take_in(intake_connection, DESK, [topic.of(captured())], NOW, TODAY)
    await take_in(intake_connection, DESK, [topic.of(captured("r2"))], LATER, TODAY)
    found = by_name(await measuring.queues(intake_connection, LATER, []))
    assert found["tenure_queue_rows", "unsealed"] == 2
    assert found["tenure_queue_age_seconds", "unsealed"] == 120
    assert found["tenure_queue_age_seconds", "unpublished"] == 120


async def test_retention_counts_subjects_once_and_says_that_it_never_heard(retention_connection):
    raw = await driver(retention_connection)
    for record, nominal in ((1, None), (1, None), (None, 1)):
        await raw.execute("INSERT INTO dirty (record_key, nominal_key) VALUES ($1, $2)", record, nominal)
    found = by_name(await of_retention.read(retention_connection, date(2026, 1, 1), datetime.now(UTC)))
    assert found["tenure_dirty_subjects",] == 2
    assert found["tenure_queue_rows", "dirty"] == 3
    assert 0 <= found["tenure_queue_age_seconds", "dirty"] < 60
    assert found["tenure_news_age_seconds",] == float("inf")
    assert found["tenure_holds_open", "in_force"] == 0


@pytest.mark.parametrize("service", ["intake", "retention", "review"])
async def test_what_is_read_is_what_is_declared(service, intake_connection, retention_connection, review_connection):
    connection = {"intake": intake_connection, "retention": retention_connection, "review": review_connection}[service]
    read = {
        "intake": lambda: of_intake.read(connection, TODAY, NOW),
        "retention": lambda: of_retention.read(connection, TODAY, NOW),
        "review": lambda: of_review.read(connection, TODAY),
    }[service]
    await measuring.hurry(connection)
    readings = [*await read(), *await measuring.queues(connection, NOW, ["a.topic"])]
    meter = Meter(service, f"{service}-worker")
    meter.take(readings)  # Refuses a label too many, and what is not declared for this process.
    declared = {each.name for each in DECLARED if f"{service}-worker" in each.on and each.type == "gauge"}
    read_here = {each.metric.name for each in readings if each.metric.type == "gauge"}
    assert declared - BY_LOOK == read_here


def test_a_counter_read_from_the_account_never_goes_back():
    meter = Meter("intake", "intake-worker")
    [arrivals] = [each for each in DECLARED if each.name == "tenure_arrivals_total"]
    for counted in (100, 103, 102, 104):
        meter.set(arrivals, counted, "quarantined")
    assert b'tenure_arrivals_total{outcome="quarantined",service="intake"} 5.0' in meter.text()
