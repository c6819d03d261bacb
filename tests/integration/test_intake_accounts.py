"""What is made of arrivals by the clock, on a real database: lags, last signs, measures; and the accounts close."""

from datetime import datetime, timedelta

import msgspec

from services.intake.actions.accounts import Asked, lines, roll_up, signs
from services.intake.actions.measuring import look, tell
from services.intake.storage import accounts, timeliness
from services.intake.storage.accounts import Tally
from shared.db import driver
from shared.ids import random_id
from tests.make_arrivals import (
    CRIME,
    DESK,
    NOW,
    TODAY,
    Topic,
    accounts_close,
    captured,
    rows,
    take,
    trigger,
    uid,
    value,
    withdrawn,
)
from tests.make_manifests import manifest, settle

START = (datetime.min.date(), "")
ALL = timeliness.Asked(TODAY)


async def rolled(connection):
    while await roll_up(connection, DESK):
        pass


def reported(record, seconds, **changes):
    at = datetime(2026, 3, 1, tzinfo=NOW.tzinfo)
    recorded = (at + timedelta(seconds=seconds)).isoformat()
    return captured(record, reported_at=at.isoformat(), recorded_at=recorded, **changes)


async def test_lags_are_counted_once_for_each_record_that_is_captured(intake_connection):
    topic = Topic()
    first, second = reported("r1", 100, unit="North"), reported("r2", 90_000, unit="North")
    again = captured("r1", 2, reported_at="2026-02-01T00:00:00Z", recorded_at="2026-03-01T00:00:00Z")
    await take(intake_connection, *topic.batch(first, first, again, trigger()))
    await take(intake_connection, *topic.batch(second, reported("r3", -5, unit="North"), withdrawn("r4")))
    await rolled(intake_connection)
    found = {row["lag"]: dict(row) for row in await timeliness.summary(intake_connection, ALL, 1, ("",) * 4, 10)}
    lag = found["reported_to_recorded"]
    assert (lag["records"], lag["untold"], lag["reversed"], lag["late"]) == (4, 1, 1, 1)
    assert (lag["p50"], lag["p95"], lag["longest"]) == (100, 90_000, 90_000)
    assert found["recorded_to_received"]["records"] == 4
    by_unit = await timeliness.summary(intake_connection, ALL, 3, ("",) * 4, 10)
    assert {(row["record_type"], row["unit"], row["records"]) for row in by_unit} == {
        ("crime_report", "North", 3),
        ("", "", 1),
    }
    assert await value(intake_connection, "SELECT count(*) FROM tally") == 0


async def test_of_a_record_that_is_only_withdrawn_nothing_is_read(intake_connection):
    odd = withdrawn("r4")
    odd["data"] |= {"recorded_at": "never", "reported_at": 7, "unit": ["odd"]}
    await take(intake_connection, Topic().of(odd))
    await rolled(intake_connection)
    assert await rows(intake_connection, "SELECT DISTINCT unit, upto FROM lag_count") == [("", -1)]


async def test_the_late_ones_are_listed_until_their_record_is_disposed_of(intake_connection):
    topic = Topic()
    await take(intake_connection, *topic.batch(reported("r1", 86_400), reported("r2", 86_401), reported("r3", 100_000)))
    await rolled(intake_connection)
    found = await timeliness.late(intake_connection, ALL, None, 2**62, 10)
    assert [(row["record_id"], row["seconds"]) for row in found] == [(uid("r3"), 100_000), (uid("r2"), 86_401)]
    await (await driver(intake_connection)).execute(
        "UPDATE record SET executed_by = $1 WHERE record_uid = $2", random_id(), uid("r3")
    )
    assert len(await timeliness.late(intake_connection, ALL, None, 2**62, 10)) == 1
    await timeliness.forget(intake_connection, [uid("r3")])
    assert await value(intake_connection, "SELECT count(*) FROM late") == 1


async def test_lengths_are_rounded_up_by_at_most_3_in_100(intake_connection, rng):
    powers = [2**n + d for n in range(6, 41) for d in (-1, 0, 1)]
    lengths = [*range(300), *powers, *(rng.randrange(2**40) for _ in range(500))]
    captured = [(1, 1, "", str(n), n, n) for n in lengths]  # Each in a unit of its own.
    await accounts.queue(intake_connection, Tally(captured=captured), NOW, TODAY)
    await rolled(intake_connection)
    found = await rows(intake_connection, "SELECT unit::bigint, upto FROM lag_count WHERE lag = 'reported_to_recorded'")
    assert {n for n, _ in found} == set(lengths)
    assert all(n <= upto <= n * (1 + 1 / 32) for n, upto in found)


async def test_both_accounts_close_from_counters_and_rows(intake_connection):
    topic = Topic()
    await take(intake_connection, *topic.batch(captured(), captured(), captured("r2", occurred_on="2022-08")))
    await take(intake_connection, topic.of(captured("r3")), topic.raw(b"nonsense"))
    for _ in range(2):  # With what waits for the tick, and without.
        found = {line.source: line for line in await lines(intake_connection, Asked(), START, 50)}
        assert {
            each for line in found.values() for each in (line.events, line.records) if each and not each.closes
        } == set()
        crime = found[CRIME]
        assert (crime.events.received, crime.events.terms["accepted"], crime.records.received) == (4, 2, 2)
        await rolled(intake_connection)
    raw = await driver(intake_connection)
    await raw.execute("UPDATE record SET accepted_on = NULL WHERE record_uid = $1", uid("r3"))
    [line] = await lines(intake_connection, Asked(source=CRIME), START, 50)
    assert (line.records.closes, line.records.difference, line.events.closes) == (False, 1, True)


async def test_accounts_are_listed_by_day_and_source_and_go_on_after_any(intake_connection):
    topic = Topic()
    await take(intake_connection, topic.of(captured()), topic.raw(b"nonsense"))
    whole = await lines(intake_connection, Asked(), START, 50)
    assert [line.source for line in whole] == ["unknown", CRIME]
    [second] = await lines(intake_connection, Asked(), (whole[0].day, whole[0].source), 50)
    assert second == whole[1]
    assert await lines(intake_connection, Asked(since=TODAY + timedelta(days=1)), START, 50) == []
    assert await lines(intake_connection, Asked(until=TODAY - timedelta(days=1)), START, 50) == []


async def test_the_last_sign_of_each_source_is_known_and_a_manifest_is_no_event(intake_connection):
    topic = Topic()
    await take(intake_connection, topic.of(captured()))
    await take(intake_connection, topic.of(manifest("r1/1", source="urn:demo:nominals", source_system="nominals")))
    await rolled(intake_connection)
    found = {sign.source.source: sign for sign in await signs(intake_connection, DESK.pack, NOW)}
    assert (found[CRIME].last_event_at, found[CRIME].last_manifest_at) == (NOW, None)
    nominals = found["urn:demo:nominals"]
    assert (nominals.last_event_at, nominals.last_manifest_at) == (None, NOW)
    assert await rows(intake_connection, "SELECT events FROM source_seen") == [(1,)]


async def test_measures_are_told_once_until_they_change(intake_connection):
    topic = Topic()
    await take(intake_connection, *topic.batch(reported("r1", 100), captured("r2", occurred_on="2022-08")))
    await rolled(intake_connection)
    found = await look(intake_connection, DESK, NOW, TODAY)
    assert await tell(intake_connection, found, NOW) == len(found)
    assert await tell(intake_connection, await look(intake_connection, DESK, NOW, TODAY), NOW) == 0
    await take(intake_connection, topic.of(captured("r3", occurred_on="2022-08")))
    later = await look(intake_connection, DESK, NOW, TODAY)
    assert await tell(intake_connection, later, NOW) == 1
    told = await rows(intake_connection, "SELECT key, version, payload FROM log WHERE topic = 'compliance.measures.v1'")
    values = {
        key: msgspec.json.decode(payload)["value"] for key, version, payload in sorted(told, key=lambda row: row[1])
    }
    assert (values["accounts.open"], values["quarantine.open"]) == (0, 2)
    assert values[f"lag.reported_to_recorded.p95/{CRIME}"] == 100
    assert await rows(intake_connection, "SELECT version FROM measure WHERE measure = 'quarantine.open'") == [(2,)]


async def test_any_order_repetition_and_batching_gives_the_same_closed_accounts(intake_connection, rng):
    sent = [reported(f"r{n}", 100 * n, unit=f"unit {n % 3}") for n in range(12)] + [trigger(f"t{n}") for n in range(4)]
    ids = [each["id"] for each in sent]
    wrong = manifest(*ids[:5], id_="m1", time="2022-08-03T00:30:00Z")
    right = manifest(*ids, id_="m2", time="2022-08-03T01:30:00Z")
    found = []
    for _ in range(5):
        raw = await driver(intake_connection)
        savepoint = raw.transaction()
        await savepoint.start()
        found.append(await _taken_anyhow(intake_connection, rng, [*sent, wrong, right]))
        await accounts_close(intake_connection)
        await savepoint.rollback()
    assert found == [found[0]] * 5
    assert found[0][0] == [("matched", 16, 0, 0)]


async def _taken_anyhow(connection, rng, sent):
    """Take all, some of it twice, in batches of any size, with turns of the clock between; gives what stands then."""
    arriving = [*sent, *rng.choices(sent, k=6)]
    rng.shuffle(arriving)
    topic = Topic()
    while arriving:
        batch = [arriving.pop() for _ in range(min(rng.randrange(1, 8), len(arriving)))]
        await take(connection, *topic.batch(*batch))
        if rng.random() < 0.5:
            await settle(connection, NOW + timedelta(days=len(arriving)))
    await settle(connection, NOW + timedelta(days=60))
    manifests = await rows(connection, "SELECT state, arrived, missing_count, extra_count FROM manifest")
    lags = await rows(
        connection, "SELECT record_type, unit, lag, upto, n, late, longest FROM lag_count ORDER BY 1, 2, 3, 4"
    )
    seen = await rows(connection, "SELECT source, events FROM source_seen JOIN source USING (source_key) ORDER BY 1")
    standing = [(line.records, line.events.closes) for line in await lines(connection, Asked(), START, 50)]
    return manifests, lags, seen, standing
