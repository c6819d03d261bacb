"""What becomes of arrivals, in a real database: every one has its receipt, and the accounts close."""

import json
from collections import Counter

import msgspec

from shared.bodies import open_body
from shared.db import driver
from shared.ids import event_uid
from tests.make_arrivals import (
    CRIME,
    KEYS,
    Topic,
    accounts_close,
    captured,
    contact,
    contact_withdrawn,
    nominal,
    ref,
    rows,
    said,
    stored,
    take,
    told,
    trigger,
    trigger_withdrawn,
    uid,
    value,
    waiting,
    withdrawn,
)


async def test_each_outcome_has_its_receipt_and_the_accounts_close(intake_connection) -> None:
    topic = Topic()
    receipts = await take(
        intake_connection,
        topic.of(captured(sequence=2)),
        topic.of(captured(sequence=2)),
        topic.of(captured(sequence=1)),
        topic.of(captured(sequence=3, occurred_on="2022-08")),
        topic.of(captured("r2", marking="SECRET")),
        topic.raw(b"\xff", key=str(uid("r3"))),
        topic.of(contact()),
    )
    assert told(receipts) == [
        ("accepted",),
        ("duplicate",),
        ("superseded",),
        ("quarantined", "partial_date"),
        ("forbidden", "marking_forbidden"),
        ("unreadable", "not_utf8"),
        ("accepted",),
    ]
    announced = [each for _, each in await said(intake_connection, "records.receipts.v1")]
    assert [each["receipt_id"] for each in announced] == [str(each.receipt_id) for each in receipts]
    assert [each["outcome"] for each in announced] == [each.outcome for each in receipts]
    assert [each["arrival"]["offset"] for each in announced] == list(range(7))
    assert await value(intake_connection, "SELECT count(DISTINCT receipt_id) FROM arrival") == 7
    await accounts_close(intake_connection)


async def test_each_accepted_or_superseded_event_is_registered_once_and_says_no_content(intake_connection) -> None:
    topic = Topic()
    sent = [
        captured(sequence=2),
        captured(sequence=1),
        captured(sequence=2),
        withdrawn(),
        nominal(),
        contact(),
        trigger(),
    ]
    await take(intake_connection, *topic.batch(*sent))
    announced = await said(intake_connection)
    kinds = ["record", "record", "record", "nominal", "fact", "fact"]
    assert [kind for kind, _ in announced] == [f"{kind}.registered" for kind in kinds]
    states = [each for kind, each in announced if kind == "record.registered"]
    assert [(each["sequence"], each["version"], each["change"]) for each in states] == [
        (2, 1, "revised"),
        (1, None, "captured"),
        (9, 2, "withdrawn"),
    ]
    assert b"a window was broken" not in b"".join(
        row[0] for row in await rows(intake_connection, "SELECT payload FROM log")
    )


async def test_an_unchanged_higher_sequence_makes_no_version(intake_connection) -> None:
    topic = Topic()
    for sent in (captured(sequence=1), captured(sequence=4), captured(sequence=6, unit="B")):
        assert told(await take(intake_connection, topic.of(sent))) == [("accepted",)]
    assert [each["version"] for _, each in await said(intake_connection)] == [1, None, 2]
    assert await value(intake_connection, "SELECT version FROM record WHERE record_uid = $1", uid()) == 2


async def test_one_sequence_with_another_state_is_quarantined_and_the_first_stays(intake_connection) -> None:
    topic, one = Topic(), captured()
    for together in (True, False):
        other = captured(id_=f"other/{together}", unit=f"{together}")
        sent = topic.batch(one, other)
        batches = [sent] if together else [[each] for each in sent]
        receipts = [each for batch in batches for each in await take(intake_connection, *batch)]
        assert told(receipts)[1] == ("quarantined", "sequence_conflict")
        assert (await waiting(intake_connection))[event_uid(CRIME, other["id"])] == "open"
    again = captured(id_="under-another-id")
    assert told(await take(intake_connection, topic.of(again))) == [("duplicate",)]
    assert await value(intake_connection, "SELECT count(*) FROM record_state") == 1


async def test_an_id_used_again_is_quarantined_and_about_the_subject_it_names(intake_connection) -> None:
    topic = Topic()
    await take(intake_connection, topic.of(captured("r1", id_="same")))
    receipts = await take(intake_connection, topic.of(captured("r2", id_="same")), topic.of(trigger("same", "r1")))
    assert told(receipts) == [("quarantined", "id_reused")] * 2
    parked = [each["subject"] for kind, each in await said(intake_connection) if kind == "event.parked"]
    assert parked == [str(uid("r2")), str(uid("r1"))]
    assert await value(intake_connection, "SELECT count(*) FROM record WHERE record_uid = $1", uid("r2")) == 0


async def test_what_is_quarantined_is_sealed_whole_and_parked_with_and_without_its_subject(intake_connection) -> None:
    sent = captured(content={"summary": "canary"}, occurred_on="1")
    await take(intake_connection, Topic().of(sent))
    [(body,)] = await rows(intake_connection, "SELECT body_id FROM quarantine")
    message = msgspec.msgpack.decode(await open_body(intake_connection, KEYS, body))
    assert json.loads(message[2]) == sent
    [(kind, internal)] = await said(intake_connection)
    [(_, public)] = await said(intake_connection, "records.quarantine.v1")
    assert (kind, internal["subject"], internal["reason"]) == ("event.parked", str(uid()), "partial_date")
    assert str(uid()) not in json.dumps(public)
    assert await value(intake_connection, "SELECT count(*) FROM body WHERE sealed LIKE '%canary%'") == 0


async def test_a_quarantined_state_is_settled_by_a_higher_sequence_whichever_comes_first(intake_connection) -> None:
    topic, bad = Topic(), captured(sequence=3, occurred_on="2022")
    await take(intake_connection, topic.of(bad))
    await take(intake_connection, topic.of(captured(sequence=3, id_="mended")))
    assert await waiting(intake_connection) == {event_uid(CRIME, "r1/3"): "open"}
    await take(intake_connection, topic.of(captured(sequence=4)))
    assert (await waiting(intake_connection))[event_uid(CRIME, "r1/3")] == "resolved"
    await take(intake_connection, topic.of(captured(sequence=2, occurred_on="2022")))
    assert (await waiting(intake_connection))[event_uid(CRIME, "r1/2")] == "resolved"
    kinds = Counter(kind for kind, _ in await said(intake_connection))
    assert (kinds["event.parked"], kinds["event.resolved"]) == (2, 2)


async def test_a_quarantined_fact_waits_until_it_is_corrected_by_name_at_its_own_source(intake_connection) -> None:
    topic = Topic()
    await take(intake_connection, *topic.batch(trigger(trigger="sung"), captured(sequence=5), trigger("t9")))
    await take(intake_connection, topic.of(trigger("t9", value="another body")), topic.of(captured(sequence=7)))
    assert set((await waiting(intake_connection)).values()) == {"open"}
    other = trigger("t2") | {"source": "urn:demo:intelligence", "corrects": str(event_uid(CRIME, "t1"))}
    await take(intake_connection, topic.of(other))
    assert (await waiting(intake_connection))[event_uid(CRIME, "t1")] == "open"
    await take(intake_connection, topic.of(trigger("t3") | {"corrects": str(event_uid(CRIME, "t1"))}))
    assert (await waiting(intake_connection))[event_uid(CRIME, "t1")] == "resolved"


async def test_a_forbidden_marking_leaves_digest_time_and_sender_only(intake_connection) -> None:
    topic = Topic()
    await take(intake_connection, topic.of(captured("r2", id_="known")))
    bodies = await value(intake_connection, "SELECT count(*) FROM body")
    secret = [captured(marking="SECRET"), captured("r2", id_="known", marking="TOP SECRET"), captured(marking="SECRET")]
    receipts = await take(intake_connection, *topic.batch(*secret))
    assert [each.outcome for each in receipts] == ["forbidden", "forbidden", "duplicate"]
    assert [each.record_id for each in receipts[:2]] == [None, None]
    assert await value(intake_connection, "SELECT count(*) FROM body") == bodies
    assert await value(intake_connection, "SELECT count(*) FROM record WHERE record_uid = $1", uid()) == 0
    assert await rows(intake_connection, "SELECT subject FROM arrival WHERE outcome = 'forbidden'") == [(None,)] * 2
    assert await waiting(intake_connection) == {}
    await accounts_close(intake_connection)


async def test_markings_that_are_not_words_are_quarantined(intake_connection) -> None:
    sent = [captured(f"r{n}", marking=odd) for n, odd in enumerate([[], {}, 5, ["SECRET"]])]
    assert told(await take(intake_connection, *Topic().batch(*sent))) == [("quarantined", "field_invalid")] * 4


async def test_a_principal_may_send_its_own_sources_events_only(intake_connection) -> None:
    topic = Topic(principal="somebody")
    assert told(await take(intake_connection, topic.of(captured()))) == [("quarantined", "not_your_source")]
    receipts = await take(intake_connection, topic.raw(b"{"))
    assert (receipts[0].outcome, receipts[0].source) == ("unreadable", "somebody")


async def test_one_source_cannot_revise_anothers_record(intake_connection) -> None:
    foreign = withdrawn(sequence=9) | {"source": "urn:demo:intelligence"}
    receipts = await take(intake_connection, *Topic().batch(captured(), foreign))
    assert told(receipts) == [("accepted",), ("quarantined", "not_your_record")]


async def test_a_nominals_state_is_whole_per_source_and_none_replaces_anothers(intake_connection) -> None:
    theirs = nominal("p1", 1, flags=["rso"]) | {"source": "urn:demo:intelligence"}
    again = nominal("p1", 1, flags=["pdp"]) | {"source": "urn:demo:intelligence", "id": "another"}
    bad = nominal("p1", 4, died_on="2022") | {"source": "urn:demo:intelligence", "id": "bad"}
    ours = [nominal("p1", n, flags=["mappa"]) for n in (5, 6)]
    receipts = await take(intake_connection, *Topic().batch(ours[0], theirs, bad, again, ours[1]))
    assert [outcome for outcome, *_ in told(receipts)] == [
        "accepted",
        "accepted",
        "quarantined",
        "quarantined",
        "accepted",
    ]
    assert told(receipts)[3] == ("quarantined", "sequence_conflict")
    assert [tuple(row) for row in sorted(await rows(intake_connection, _HISTORIES))] == [(CRIME, 6), (INTELLIGENCE, 1)]
    registered = [(each["source"], each["sequence"]) for _, each in await said(intake_connection) if "state" in each]
    assert registered == [(CRIME, 5), (INTELLIGENCE, 1), (CRIME, 6)]
    # Another source's higher sequence settles nothing that waits of this one.
    assert set((await waiting(intake_connection)).values()) == {"open"}
    later = nominal("p1", 5) | {"source": INTELLIGENCE, "id": "later"}
    assert told(await take(intake_connection, Topic(1).of(later))) == [("accepted",)]
    assert set((await waiting(intake_connection)).values()) == {"resolved"}


INTELLIGENCE = "urn:demo:intelligence"
_HISTORIES = "SELECT source, sequence FROM record JOIN source USING (source_key) WHERE kind = 'nominal'"


async def test_a_nominal_is_not_withdrawn_as_a_record_is(intake_connection) -> None:
    meant = withdrawn(sequence=9) | {"subject": str(ref("p1"))}
    receipts = await take(intake_connection, *Topic().batch(nominal("p1")))
    receipts += await take(intake_connection, *Topic(1).batch(meant, nominal("p1", 2)))
    assert told(receipts) == [("accepted",), ("quarantined", "not_a_record"), ("accepted",)]
    receipts = await take(
        intake_connection, *Topic(2).batch(nominal("p2"), meant | {"id": "w2", "subject": str(ref("p2"))})
    )
    assert told(receipts) == [("accepted",), ("quarantined", "not_a_record")]
    assert await value(intake_connection, "SELECT count(*) FROM record WHERE accepted_on IS NOT NULL") == 2


async def test_a_source_reports_only_on_records_of_systems_it_declares(intake_connection) -> None:
    foreign = trigger("t9") | {"source": "urn:demo:intelligence"}
    taken_back = trigger_withdrawn("w9", "t9") | {"source": "urn:demo:intelligence"}
    early = trigger("t8", "r8") | {"source": "urn:demo:intelligence"}
    receipts = await take(intake_connection, *Topic().batch(early, captured(), foreign, taken_back, trigger()))
    assert told(receipts) == [
        ("accepted",),  # Nobody has captured r8 yet: whose it is is not known.
        ("accepted",),
        ("quarantined", "may_not_report"),
        ("quarantined", "may_not_report"),
        ("accepted",),
    ]
    await accounts_close(intake_connection)


def estate():
    """Events of a few subjects without two that conflict; some cannot be taken."""
    states = [
        captured(record, sequence, unit=unit)
        for record in ("r1", "r2", "r3")
        for sequence, unit in ((1, "A"), (2, "B"), (3, "B"), (5, "A"))
    ]
    bad = [captured("r1", 4, occurred_on="2022"), captured("r2", 9, record_type="ballad")]
    people = [nominal("p1", n, flags=flags) for n, flags in ((1, []), (2, ["mappa"]), (3, []))]
    facts = [contact(), contact_withdrawn(), trigger(), trigger("t2", "r9"), trigger("t3", trigger="sung")]
    return [*states, *bad, *people, *facts, withdrawn("r3", 6)]


async def test_any_order_duplication_and_batching_ends_in_the_same_state(intake_connection, rng) -> None:
    ends = set()
    for _ in range(25):
        sent = estate()
        sent += rng.choices(sent, k=rng.randrange(15))
        rng.shuffle(sent)
        undone = (await driver(intake_connection)).transaction()
        await undone.start()
        topics, left, outcomes = [Topic(part) for part in range(3)], sent, []
        while left:
            count = rng.choice((1, 2, 5, 40))
            batch, left = left[:count], left[count:]
            outcomes += await take(intake_connection, *(rng.choice(topics).of(each) for each in batch))
        await accounts_close(intake_connection)
        assert len(outcomes) == len(sent)
        state = (tuple(await stored(intake_connection)), frozenset((await waiting(intake_connection)).items()))
        ends.add(state)
        await undone.rollback()
    assert len(ends) == 1
    [(records, parked)] = ends
    assert {(each[0], each[1]) for each in records} == {
        (uid("r1"), 5),
        (uid("r2"), 5),
        (uid("r3"), 6),
        (ref("p1"), 3),
    }
    assert sorted(state for _, state in parked) == ["open", "open", "resolved"]
