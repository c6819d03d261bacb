"""A quarantined event discarded by two people through retention's gate, on one real database from end to end."""

import asyncio
import random
from collections import Counter
from datetime import date, timedelta

import pytest

from services.intake.actions import discarding
from services.intake.actions.replaying import replay
from services.retention.actions import holds, orders
from services.retention.domain import Scope
from services.retention.storage import parked
from services.retention.storage.discards import covered, read
from services.retention.storage.disposals import read_certificate
from services.retention.storage.holds import preview
from services.retention.storage.order_lists import WantedOrders, read_disposal, read_disposals
from services.retention.storage.sweeping import unswept
from shared.clock import wall_clock
from shared.db import transaction
from shared.errors import Conflict, Forbidden, Invalid, PreconditionFailed
from shared.ids import disposal_id
from tests.make_arrivals import DESK, PACK, Topic, accounts_close, captured, contact, ref, rows, take, told, uid
from tests.make_discards import NOW, TODAY, WHY, own_pair, uid_of
from tests.make_lifecycle import new_hold, select

RACES, RACES_TO_SEE_BOTH = 40, 400
SUSPECT = {"nominal_source": "crime", "nominal_id": "p1", "role": "suspect"}


@pytest.fixture
async def pair(database):
    async with own_pair(database) as made:
        yield made


async def place(pair, **scope):
    hold = new_hold(**scope)
    async with transaction(pair.retention_api) as connection:
        await holds.place(connection, hold, TODAY, NOW)
    return hold.hold_id


async def bodies(pair):
    return len(await select(pair.intake, "SELECT FROM body JOIN body_key USING (body_id)"))


async def history(pair, receipt):
    steps = await select(
        pair.intake,
        "SELECT step, by, code FROM quarantine_step JOIN quarantine USING (arrival_key) WHERE receipt_id = $1 "
        "ORDER BY step_id",
        receipt,
    )
    return [tuple(row) for row in steps]


async def test_the_whole_path_once_whatever_is_delivered_twice(pair):
    receipt = await pair.quarantined(unit="Barking", links=[SUSPECT])
    await pair.to_retention()
    assert await pair.parked() == {(uid_of(), uid()), (uid_of(), ref())}
    await pair.propose(receipt)
    with pytest.raises(Forbidden) as refused:
        await pair.approve(receipt, "D-DS1")
    assert refused.value.reason == "same_person"
    disposal = await pair.approve(receipt)
    assert disposal == disposal_id(receipt, "discard", 1)
    await pair.to_retention(times=3)
    assert await pair.execute() == {disposal: None}
    assert await pair.execute() == {}
    await pair.to_intake(times=3)
    answers = await pair.confirm(times=2)
    assert {(each.answer, each.bodies, each.record_id) for each in answers} == {("erased", 1, receipt)}
    await pair.to_retention()
    await _gone(pair, receipt, disposal)


async def _gone(pair, receipt, disposal):
    item = await pair.item(receipt)
    assert (item["state"], item["disposal_id"], item["unit"]) == ("discarded", disposal, "Barking")
    assert await bodies(pair) == 0
    assert await pair.parked() == set()
    [further] = await select(pair.intake, "SELECT names, outcome FROM further_receipt")
    assert tuple(further) == (receipt, "discarded")
    async with transaction(pair.intake) as connection:
        await accounts_close(connection)
        assert await rows(connection, "SELECT outcome FROM arrival") == [("discarded",)]
        assert told(
            await take(connection, Topic(7).of(captured(occurred_on="2022", unit="Barking", links=[SUSPECT])))
        ) == [("duplicate",)]
    async with transaction(pair.retention) as connection:
        certificate, confirmations = await read_certificate(connection, disposal)
        shown = await read_disposal(connection, disposal)
        assert [
            each["disposal_id"] for each in await read_disposals(connection, WantedOrders(receipt, "shredded"), None, 9)
        ] == [disposal]
    assert (shown["state"], shown["what"], shown["record_id"]) == ("shredded", "arrival", receipt)
    assert (certificate["rule"], certificate["decided_by"], certificate["approved_by"]) == (
        *("discard:test_data", "D-DS1", ["D-RM1"]),
    )
    assert (certificate["record_type"], certificate["holds_found"], certificate["clock_basis"]) == (
        *("crime_report", 0, [str(uid_of())]),
    )
    assert len(confirmations) == 1
    steps = [step for step, *_ in await history(pair, receipt)]
    assert steps == ["discard_proposed", "discard_approved", "discarded"]


COVERING = {
    "the record": {"records": [uid()]},
    "a person it names": {"nominals": [ref()]},
    "its type": {"record_types": ["crime_report"]},
    "its unit": {"units": ["Barking"]},
    "its source": {"sources": ["crime"]},
    "its offence": {"offences": ["28/11"]},
    "a date of it": {"from_on": date(2022, 7, 1), "to_on": date(2022, 9, 1)},
    "its type, of a record that it may be": {"record_types": ["crime_report"], "units": ["Barking"]},
}
ELSEWHERE = {
    "another record": {"records": [uid("r2")]},
    "another person": {"nominals": [ref("p9")]},
    "another unit of the same type": {"record_types": ["crime_report"], "units": ["Croydon"]},
    "other days": {"from_on": date(2023, 1, 1)},
}
# Unsound for its marking alone, so that all of it can be read.
KNOWN = {"unit": "Barking", "links": [SUSPECT], "occurred_on": "2022-08-01", "marking": 5}


async def test_a_hold_on_what_is_known_of_it_refuses_the_discard(pair):
    cases = [(scope, "held") for scope in COVERING.values()] + [(scope, None) for scope in ELSEWHERE.values()]
    for number, (scope, why) in enumerate(cases):
        receipt = await pair.quarantined(id_=f"case-{number}", **KNOWN)
        disposal = await pair.order(receipt)
        await place(pair, **scope)
        before = await bodies(pair)
        assert await pair.execute() == {disposal: why}, scope
        await pair.to_intake()
        item = await pair.item(receipt)
        assert (item["state"], item["refused"]) == (("open", "held") if why else ("discarded", None)), scope
        assert await bodies(pair) == before - (why is None)
        await pair.end_holds()


async def test_a_hold_that_comes_too_late_says_so(pair):
    receipt = await pair.quarantined(**KNOWN)
    await pair.order(receipt)
    await pair.execute()
    hold_id = await place(pair, units=["Barking"])
    elsewhere = await place(pair, units=["Croydon"])
    async with transaction(pair.retention_api) as connection:
        assert await holds.executed_before(connection, hold_id) == [receipt]
        assert await holds.executed_before(connection, elsewhere) == []
        assert (await preview(connection, Scope(records=frozenset([uid()]))))["parked"] == 1
    await pair.quarantined("r1", 2, links=[SUSPECT])
    await pair.to_retention()
    hold_id = await place(pair, nominals=[ref()])
    async with transaction(pair.retention_api) as connection:
        assert (await preview(connection, Scope(records=frozenset([uid()]))))["parked"] == 2
        assert await parked.about(connection, hold_id) == 2


async def test_what_is_not_known_proves_no_hold_and_rules_none_out(pair):
    first, second = [await pair.quarantined(record, occurred_on="2022-02-31", unit=None) for record in ("r1", "r2")]
    for receipt in (first, second):
        await pair.order(receipt)
    await place(pair, units=["Barking"])  # Nothing that it says is known of them.
    assert set((await pair.execute()).values()) == {None}
    third = await pair.quarantined("r3", occurred_on="2022-02-31", unit=None)
    await pair.order(third)
    await place(pair, units=["Barking"], sources=["crime"])
    assert set((await pair.execute()).values()) == {"held"}


async def test_a_hold_on_the_record_as_retention_knows_it_covers_every_event_about_it(pair):
    async with transaction(pair.intake) as connection:
        await take(connection, Topic(1).of(captured("r1", 1, unit="Barking", links=[SUSPECT])))
    receipt = await pair.quarantined("r1", 2, links=[], unit=None)
    disposal = await pair.order(receipt)
    assert (await pair.item(receipt))["unit"] == "Barking"  # Told by the record.
    await place(pair, nominals=[ref()])
    assert await pair.execute() == {disposal: "held"}


async def test_a_refused_discard_can_be_proposed_again_once_the_hold_is_gone(pair):
    receipt = await pair.quarantined()
    first = await pair.order(receipt)
    hold_id = await place(pair, records=[uid()])
    assert await pair.execute() == {first: "held"}
    await pair.to_intake()
    async with transaction(pair.retention_api) as connection:
        hold = await holds.found(connection, hold_id, lock=True)
        await holds.propose_release(connection, hold, "D-RM1", "over", NOW)
        hold = await holds.found(connection, hold_id, lock=True)
        await holds.approve_release(connection, hold, "D-HIM1", NOW)
    second = await pair.order(receipt)
    assert second == disposal_id(receipt, "discard", 2)
    assert await pair.execute() == {second: None}
    steps = [(step, code) for step, _, code in await history(pair, receipt)]
    assert steps[2] == ("discard_refused", "held")


async def test_a_discard_that_a_brief_hold_covered_is_not_carried_out(pair):
    receipt = await pair.quarantined()
    disposal = await pair.order(receipt)
    hold_id = await place(pair, records=[uid()])
    later = wall_clock() + timedelta(seconds=1)  # Orders open by the real clock.
    async with transaction(pair.retention_api) as connection:
        hold = await holds.found(connection, hold_id, lock=True)
        await holds.propose_release(connection, hold, "D-RM1", "over", later)
        hold = await holds.found(connection, hold_id, lock=True)
        await holds.approve_release(connection, hold, "D-HIM1", later)
    async with transaction(pair.retention) as connection:
        assert await covered(connection, await read(connection, [disposal])) == {disposal}
    await sweep(pair)
    await pair.to_intake()
    assert (await pair.item(receipt))["refused"] == "held"
    second = await pair.order(receipt)
    assert await pair.execute() == {second: None}


async def sweep(pair):
    async with transaction(pair.retention) as connection:
        [hold] = await unswept(connection)
        await holds.sweep_hold(connection, hold, 0, NOW)


async def test_a_hold_shows_on_a_cooling_discard_at_its_sweep(pair):
    receipt = await pair.quarantined()
    disposal = await pair.order(receipt)
    await place(pair, records=[uid()])
    await sweep(pair)
    await pair.to_intake()
    assert (await pair.item(receipt))["refused"] == "held"
    async with transaction(pair.retention) as connection:
        shown = await read_disposal(connection, disposal)
    assert (shown["state"], shown["reason"]) == ("dropped", "held")


async def test_an_order_aborted_in_its_cooling_off_lets_the_event_wait_again(pair):
    receipt = await pair.quarantined()
    disposal = await pair.order(receipt)
    async with transaction(pair.retention_api) as connection:
        await orders.abort(connection, disposal, "D-RM1", "the source wants it back", NOW)
    assert await pair.execute() == {}
    await pair.to_intake()
    item = await pair.item(receipt)
    assert (item["state"], item["refused"], item["proposed_by"]) == ("open", "aborted", None)


async def test_who_may_not_and_what_is_no_reason(pair):
    receipt = await pair.quarantined()
    item = (receipt, 1)
    async with transaction(pair.intake_api) as connection:
        with pytest.raises(Conflict, match="Nobody has proposed"):
            await discarding.approve(connection, DESK, item, "D-RM1", NOW)
        with pytest.raises(Invalid, match="test_data"):
            await discarding.propose(connection, DESK, item, WHY._replace(reason="boredom"), "D-DS1", NOW)
        with pytest.raises(PreconditionFailed):
            await discarding.propose(connection, DESK, (receipt, 9), WHY, "D-DS1", NOW)
    await pair.propose(receipt)
    async with transaction(pair.intake_api) as connection:
        with pytest.raises(Conflict, match="withdraw that first"):
            await replay(connection, DESK, receipt, None, (NOW, TODAY))
        await discarding.withdraw(connection, (receipt, 2), "D-RM1", NOW)
    assert (await pair.item(receipt))["state"] == "open"
    await pair.propose(receipt)
    await pair.approve(receipt)
    async with transaction(pair.intake_api) as connection:
        for act in (
            discarding.withdraw(connection, (receipt, 5), "D-DS1", NOW),
            discarding.approve(connection, DESK, (receipt, 5), "D-HIM1", NOW),
        ):
            with pytest.raises(Conflict, match="with retention"):
                await act


async def test_what_is_corrected_while_its_discard_waits_is_resolved(pair):
    receipt = await pair.quarantined()
    disposal = await pair.order(receipt)
    async with transaction(pair.intake) as connection:
        await take(connection, Topic(2).of(captured("r1", 2)))
    assert (await pair.item(receipt))["state"] == "resolved"
    await pair.to_retention()
    assert await pair.parked() == set()
    assert await pair.execute() == {disposal: None}  # Two people wanted it gone, and what it said came otherwise.
    await pair.to_intake(times=2)
    assert (await pair.item(receipt))["state"] == "discarded"
    async with transaction(pair.intake) as connection:
        await accounts_close(connection)


async def test_an_id_that_comes_again_is_parked_for_itself(pair):
    """Settling one of two events under one id must not free what the other keeps."""
    first = await pair.quarantined(unit="A")
    second = await pair.quarantined(unit="B")
    await pair.to_retention()
    assert await pair.parked() == {(uid_of(), uid()), (second, uid())}
    disposal = await pair.order(second)
    assert await pair.execute() == {disposal: None}
    await pair.to_intake()
    await pair.to_retention()
    assert await pair.parked() == {(uid_of(), uid())}
    assert (await pair.item(first))["state"] == "open"


async def test_what_cannot_be_read_is_parked_under_its_key_and_can_be_discarded(pair):
    arrival = Topic(3).raw(b"{", key=str(uid()))
    async with transaction(pair.intake) as connection:
        [receipt] = await take(connection, arrival)
    assert receipt.outcome == "unreadable"
    await pair.to_retention()
    assert await pair.parked() == {(receipt.receipt_id, uid())}
    disposal = await pair.order(receipt.receipt_id)
    assert await pair.execute() == {disposal: None}
    await pair.to_intake()
    await pair.to_retention()
    assert await pair.parked() == set()
    async with transaction(pair.intake) as connection:
        await accounts_close(connection)


async def test_an_acknowledged_hold_wins_every_race_with_a_discard(pair, rng, seed):
    tally = Counter()
    for case in range(RACES_TO_SEE_BOTH):
        if case >= RACES and min(tally["went"], tally["held"]):
            break
        name = f"race-{case}"
        receipt = await pair.quarantined(name)
        disposal = await pair.order(receipt)
        (held_at, seen), outcome = await asyncio.gather(_hold(pair, rng, name), _discard(pair, rng))
        went = outcome.get(disposal, "not yet") is None
        tally["went" if went else "held"] += 1
        assert went == seen, (case, outcome, held_at)  # Gone only where the hold found it gone when it was placed.
        if not went:
            await pair.execute()
    print(f"\nseed {seed}: {tally.total()} races of a hold with a discard: {dict(tally)}")
    assert min(tally["went"], tally["held"]) > 0


async def _hold(pair, rng, name):
    await asyncio.sleep(rng.uniform(0, 0.02))
    async with transaction(pair.retention_api) as connection:
        await holds.place(connection, new_hold(records=[uid(name)]), TODAY, NOW)
        gone = await rows(
            connection,
            "SELECT FROM disposal JOIN discard USING (disposal_id) WHERE subject = $1",
            uid(name),
        )
    return NOW, bool(gone)


async def _discard(pair, rng):
    pauses = random.Random(rng.random())

    async def pause(_):
        await asyncio.sleep(pauses.choice([0, 0, pauses.uniform(0, 0.008)]))

    await asyncio.sleep(rng.uniform(0, 0.012))
    return await pair.execute(pause=pause)


async def test_a_record_disposed_of_takes_along_what_waited_about_it_and_was_mended(pair):
    receipt = await pair.quarantined("r1", 1)
    async with transaction(pair.intake) as connection:
        await take(connection, Topic(4).of(captured("r1", 2)))
        assert (await rows(connection, "SELECT state FROM quarantine")) == [("resolved",)]
        await rows(connection, "SELECT shred($1, $2, 2, $3)", disposal_id(uid(), "R03", 1), uid(), NOW)
    assert await bodies(pair) == 0
    assert (await select(pair.intake, "SELECT body_id FROM quarantine"))[0]["body_id"] is None
    assert receipt is not None


async def test_a_contact_that_waits_keeps_its_person(pair):
    async with transaction(pair.intake) as connection:
        [receipt] = await take(connection, Topic(5).of(contact(on="2024-02-31")))
    assert receipt.outcome == "quarantined"
    await pair.to_retention()
    assert {subject for _, subject in await pair.parked()} == {ref()}


async def test_a_pack_that_asks_for_cooling_off_gets_it(pair, monkeypatch):
    import dataclasses

    from tests import make_discards

    slower = dataclasses.replace(PACK, quarantine=dataclasses.replace(PACK.quarantine, cooling_off_days=7))
    monkeypatch.setattr(make_discards, "PACK", slower)
    receipt = await pair.quarantined()
    disposal = await pair.order(receipt)
    assert await pair.execute() == {}
    async with transaction(pair.retention) as connection:
        shown = await read_disposal(connection, disposal)
    assert shown["execute_from"] - shown["opened_on"] == timedelta(days=7)
