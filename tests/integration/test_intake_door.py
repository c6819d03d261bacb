"""What the door asks of every type and mode, and what it keeps of what it takes: on a real database."""

import dataclasses
import json

import msgspec
import pytest

from services.intake.actions.finding import Search, search
from services.intake.domain.access import Asked
from services.intake.domain.screening import Looker
from shared.db import driver
from shared.errors import Forbidden
from shared.ids import event_uid, nominal_ref
from shared.policy.values import When
from tests.make_arrivals import (
    CRIME,
    DESK,
    KEYS,
    NOW,
    PACK,
    Topic,
    accounts_close,
    activity,
    activity_withdrawn,
    captured,
    distinguished,
    event,
    merged,
    nominal,
    ref,
    rows,
    said,
    take,
    told,
    trigger,
    uid,
    unmerged,
    value,
    waiting,
    withdrawn,
)

INDEX = "urn:demo:nominals"


def packed(**changes):
    return dataclasses.replace(DESK, pack=dataclasses.replace(PACK, **changes))


def typed(**changes):
    """The desk of a pack in which crime reports differ."""
    crime = dataclasses.replace(PACK.record_types["crime_report"], **changes)
    return packed(record_types={**PACK.record_types, "crime_report": crime})


async def test_the_index_and_activities_are_registered_as_facts_about_whom_they_name(intake_connection) -> None:
    sent = [
        merged("m1", gone="p2", into="p1"),
        unmerged("u1", "m1", into="p1"),
        distinguished("d1", "p1", "p3"),
        activity("a1", record="r1"),
        activity("a2", record=None, person="p1"),
        activity("a3", record="r1", person="p1"),
        activity_withdrawn("w1", "a1", record="r1"),
    ]
    receipts = await take(intake_connection, *Topic().batch(*sent))
    assert told(receipts) == [("accepted",)] * 7
    assert [each.record_id for each in receipts] == [None, None, None, uid(), None, uid(), uid()]
    facts = [each for _, each in await said(intake_connection)]
    names = ("kind", "record_id", "nominal_ref", "other_ref", "withdraws")
    p1, p2, p3, r1 = (str(each) for each in (ref("p1"), ref("p2"), ref("p3"), uid()))
    assert [tuple(each[name] for name in names) for each in facts] == [
        ("merged", None, p1, p2, None),
        ("unmerged", None, p1, None, str(event_uid(INDEX, "m1"))),
        ("distinguished", None, p1, p3, None),
        ("activity", r1, None, None, None),
        ("activity", None, p1, None, None),
        ("activity", r1, p1, None, None),
        ("withdrawal", r1, None, None, str(event_uid(CRIME, "a1"))),
    ]
    assert facts[3]["data"]["fields"] == {"announced": False, "persons": 2}
    await accounts_close(intake_connection)


UNKNOWN = [
    event("tenure.record.captured.v2", {"anything": 1}, "future"),
    event("tenure.record.sung.v1", {"source_system": "crime", "source_record_id": "r7"}, "sung"),
    event("com.example.thing", {}, "theirs"),
]


async def test_types_and_versions_not_known_here_yet_wait_whatever_their_mode(intake_connection) -> None:
    topic = Topic()
    for sent in UNKNOWN:
        structured = json.dumps(sent).encode()
        headers = {f"ce_{name}": value for name, value in sent.items() if name != "data"}
        arrived = (topic.raw(structured), topic.raw(json.dumps(sent["data"]).encode(), headers))
        outcomes = told(await take(intake_connection, *arrived))
        assert outcomes == [("quarantined", "type_not_yet_known"), ("duplicate",)]
    assert set((await waiting(intake_connection)).values()) == {"open"}
    parked = [each["subject"] for kind, each in await said(intake_connection) if kind == "event.parked"]
    assert str(uid("r7")) in parked


async def test_the_first_state_settles_what_the_pack_says_whichever_comes_first(intake_connection) -> None:
    topic, desk = Topic(), typed(settled=("/created_on", "/part_of"))
    first, other = captured("r1", 4, created_on="2022-08-02"), captured("r1", 2, created_on="2022-08-03")
    grown = captured("r1", 5, created_on="2022-08-02", part_of=["C-1"])
    same = captured("r1", 6, created_on="2022-08-02", unit="elsewhere")
    bare = captured("r2", 1)
    batch = topic.batch(first, other, grown, bare)
    assert told(await take(intake_connection, *batch, desk=desk)) == [
        ("accepted",),
        ("quarantined", "settled_field_altered"),
        ("quarantined", "settled_field_altered"),
        ("accepted",),
    ]
    [receipt] = await take(intake_connection, topic.of(captured("r2", 2, created_on="2022-08-02")), desk=desk)
    assert [each.pointer for each in receipt.reasons] == ["/data/created_on"]
    assert told(await take(intake_connection, topic.of(same), desk=desk)) == [("accepted",)]
    assert (await waiting(intake_connection))[event_uid(CRIME, "r1/5")] == "resolved"
    stored = await rows(intake_connection, "SELECT settled FROM record")
    assert b"2022-08-02" not in b"".join(each for (each,) in stored)


async def test_what_no_pack_settles_is_stored_without_digests(intake_connection) -> None:
    await take(intake_connection, *Topic().batch(captured(created_on="2022-08-02"), withdrawn("r1", 9)))
    assert await rows(intake_connection, "SELECT settled, things FROM record") == [(None, False)]


async def test_a_settled_instant_is_the_same_however_it_is_written(intake_connection) -> None:
    topic, desk = Topic(), typed(settled=("/recorded_at",))
    first, *again = "2020-01-20T10:00:00Z", "2020-01-20T10:00:00+00:00", "2020-01-20t11:00+01:00", "2020-01-20T10:01Z"
    sent = [captured(sequence=n, recorded_at=at) for n, at in enumerate((first, *again, first), start=1)]
    outcomes = told(await take(intake_connection, *topic.batch(*sent), desk=desk))
    refused = ("quarantined", "settled_field_altered")
    assert outcomes == [("accepted",), ("accepted",), ("accepted",), refused, ("accepted",)]


async def test_an_instant_that_was_settled_as_it_was_sent_is_still_known(intake_connection) -> None:
    desk = typed(settled=("/recorded_at",))
    await take(intake_connection, Topic().of(captured(recorded_at="2020-01-20T10:00Z")), desk=desk)
    mac = KEYS.mac(b'settled\n/recorded_at\n"2020-01-20T10:00Z"')
    kept = msgspec.msgpack.encode({"/recorded_at": mac})
    await (await driver(intake_connection)).execute("UPDATE record SET settled = $1", kept)
    again = [captured(sequence=n, recorded_at=at) for n, at in ((2, "2020-01-20T10:00Z"), (3, "2020-01-20T10:01Z"))]
    outcomes = told(await take(intake_connection, *Topic(2).batch(*again), desk=desk))
    assert outcomes == [("accepted",), ("quarantined", "settled_field_altered")]


async def test_a_withdrawal_alters_nothing_that_is_settled(intake_connection) -> None:
    desk, sent = typed(settled=("/created_on",)), [withdrawn("r1", 3), captured("r1", 2), captured("r1", 4)]
    outcomes = told(await take(intake_connection, *Topic().batch(*sent), desk=desk))
    assert [each[0] for each in outcomes] == ["accepted", "superseded", "accepted"]


@pytest.mark.parametrize(
    "sent",
    [
        captured(record_type="chis_record", content={"summary": "canary"}),
        captured(record_type=" CHIS_record", content={"summary": "canary"}),
        captured(marking="top secret ", content={"summary": "canary"}),
        captured(marking="SECRET", content={"summary": "canary"}, attributes={"sequence": "nought"}),
        captured(marking="SECRET", content={"summary": "canary"}, attributes={"source": "urn:nobody"}),
    ],
    ids=["a type", "a type otherwise written", "a marking otherwise written", "a bad attribute", "a source unknown"],
)
async def test_what_is_forbidden_leaves_digest_time_and_sender_only(intake_connection, sent) -> None:
    topic = Topic()
    headers = {f"ce_{name}": value for name, value in sent.items() if name != "data"}
    arrived = [topic.of(sent), topic.raw(json.dumps(sent["data"]).encode(), headers)]
    receipts = await take(intake_connection, *arrived)
    assert receipts[0].outcome == "forbidden"
    assert receipts[1].outcome in ("duplicate", "forbidden")
    for table in ("body", "quarantine", "record", "record_state"):
        assert await value(intake_connection, f"SELECT count(*) FROM {table}") == 0, table
    assert await said(intake_connection) == []
    assert {each for (each,) in await rows(intake_connection, "SELECT subject FROM arrival")} == {None}
    await accounts_close(intake_connection)


async def test_a_type_is_told_by_what_the_pack_says_and_then_asked_like_any_other(intake_connection) -> None:
    when = When(metadata=(("upstream_type", "crime"),))
    desk = typed(when=when, settled=("/unit",))
    sent = captured(record_type=None, metadata={"upstream_type": "crime"}, unit="A")
    later = captured("r1", 2, record_type=None, metadata={"upstream_type": "crime"}, unit="B")
    untold = [captured("r2", n, record_type=None, unit=f"{n}") for n in (1, 2)]
    outcomes = told(await take(intake_connection, *Topic().batch(sent, later, *untold), desk=desk))
    assert outcomes == [("accepted",), ("quarantined", "settled_field_altered"), ("accepted",), ("accepted",)]


def thing(kind, ref):
    return {"kind": kind, "ref": ref}


async def find(connection, kind, ref, desk=DESK, role="reviewing_officer", purpose="retention_review", **page):
    looker, asked = Looker("D-RO1", frozenset({role})), Asked(purpose, "R1", None)
    return await search(connection, desk, looker, asked, Search(kind, ref, **page), NOW)


async def test_records_about_one_thing_are_found_by_it_and_it_is_nowhere_in_clear(intake_connection) -> None:
    topic = Topic()
    sent = [
        captured("r1", objects=[thing("vehicle", "AB12 CDE"), thing("exhibit", "JS/1/2")]),
        captured("r2", objects=[thing("vehicle", "ab-12cde")], places=[thing("address", "1  High Street ")]),
        captured("r3", places=[thing("address", "1 high street")], objects=[thing("exhibit", "JS/12")]),
    ]
    await take(intake_connection, *topic.batch(*sent))
    looked_for = [("vehicle", "Ab12cde"), ("address", "1 HIGH  STREET"), ("exhibit", "js/1/2"), ("phone", "AB12CDE")]
    found = [(await find(intake_connection, *each)).records for each in looked_for]
    assert [set(each) for each in found] == [{uid("r1"), uid("r2")}, {uid("r2"), uid("r3")}, {uid("r1")}, set()]
    first = await find(intake_connection, "vehicle", "AB12CDE", limit=1)
    rest = await find(intake_connection, "vehicle", "AB12CDE", after=first.after)
    assert (first.records + rest.records, rest.after) == (found[0], None)
    tables = await rows(intake_connection, "SELECT o::text FROM object_ref o")
    logged = await rows(intake_connection, "SELECT payload FROM log")
    assert b"AB12" not in b"".join(payload for (payload,) in logged)
    assert "ab12" not in f"{tables}".casefold()
    views = await rows(
        intake_connection, "SELECT actor, purpose, reference, parts FROM access WHERE log_id IS NOT NULL"
    )
    assert views == [("D-RO1", "retention_review", "R1", ["search"])] * 7


async def test_a_thing_is_listed_while_the_latest_state_names_it(intake_connection) -> None:
    topic, there, gone = Topic(), {"objects": [thing("phone", "07700 900123")]}, {}
    for sequence, changes, known in [(2, there, 1), (1, gone, 1), (4, gone, 0), (3, there, 0), (5, there, 1)]:
        await take(intake_connection, topic.of(captured("r1", sequence, unit=f"{sequence}", **changes)))
        assert len((await find(intake_connection, "phone", "07700900123")).records) == known, sequence
    both = topic.batch(captured("r2", 1, **there), captured("r2", 2))
    await take(intake_connection, *both)
    assert (await find(intake_connection, "phone", "07700900123")).records == [uid("r1")]


async def test_a_search_shows_what_the_role_may_see_for_the_purpose(intake_connection) -> None:
    await take(intake_connection, Topic().of(captured("r1", objects=[thing("phone", "1")])))
    with pytest.raises(Forbidden):
        await find(intake_connection, "phone", "1", purpose="curiosity")
    narrow = [view for view in PACK.views if view.role == "reviewing_officer" and view.purpose == "retention_review"]
    views = tuple(dataclasses.replace(each, record_types=frozenset({"stop_and_search"})) for each in narrow)
    assert (await find(intake_connection, "phone", "1", desk=packed(views=views))).records == []
    assert await value(intake_connection, "SELECT count(*) FROM access") == 0


async def test_a_record_that_is_gone_is_found_by_nothing(intake_connection) -> None:
    sent = captured("r1", objects=[thing("phone", "1")], created_on="2022-08-02")
    await take(intake_connection, Topic().of(sent), desk=typed(settled=("/created_on",)))
    raw = await driver(intake_connection)
    await raw.execute("SELECT shred(gen_random_uuid(), $1, 9, now())", uid("r1"))
    assert (await find(intake_connection, "phone", "1")).records == []
    assert await value(intake_connection, "SELECT count(*) FROM object_ref") == 0
    assert await rows(intake_connection, "SELECT settled, things FROM record") == [(None, False)]


async def test_two_persons_of_any_source_are_merged_by_the_index_alone(intake_connection) -> None:
    sent = [merged("m1", gone="p2", into="p1") | {"source": CRIME}, unmerged("u1", "m1") | {"source": CRIME}]
    outcomes = told(await take(intake_connection, *Topic().batch(*sent)))
    assert outcomes == [("quarantined", "may_not_merge")] * 2
    mixed = merged("m2", into="p1")
    mixed["data"]["from"] = {"nominal_source": "intelligence", "nominal_id": "I-9"}
    assert told(await take(intake_connection, Topic().of(mixed))) == [("accepted",)]
    [fact] = [each for kind, each in await said(intake_connection) if kind == "fact.registered"]
    assert fact["other_ref"] == str(nominal_ref("intelligence", "I-9"))


async def test_a_fact_about_somebody_unknown_is_taken_and_counts_once_they_come(intake_connection) -> None:
    sent = [trigger("t1", "r9"), activity("a1", record="r9"), captured("r9"), nominal("p9")]
    assert told(await take(intake_connection, *Topic().batch(*sent))) == [("accepted",)] * 4
