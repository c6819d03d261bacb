"""What people and the world are told of schedules: over HTTP, and what the announcer takes from the tables."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
import psycopg
import pytest

from services.retention.actions.announce import changed, shown_state
from services.retention.actions.settle import settle
from services.retention.actions.take_in import fresh, take_in
from services.retention.api import make_app
from services.retention.storage import reads
from services.retention.storage.announce import Unannounced, mark_announced, take_slot, unannounced
from shared.db import driver, transaction
from shared.http import edge_of
from shared.keys import read_keys
from shared.settings import Settings
from tests.make_facts import PACK
from tests.make_registered import NOW, contact, nominal_state, record_state, ref, suspect, trigger, uid
from tests.stack import POLICY
from tools.stack import issuer, keys

BURGLARY = [
    record_state("r1", links=[suspect("p1")], unit="Barking"),
    record_state("r2", links=[suspect("p1"), suspect("p2", "victim")], unit="Ealing"),
    record_state("r3"),
    record_state("r4", links=[suspect("p3")], offences=["unknown"]),
    nominal_state("p1", date_of_birth="1980-02-29"),
]


async def settled(engine, *events):
    async with transaction(engine) as connection:
        await take_in(connection, [fresh(event, PACK) for event in events], NOW)
    while True:
        async with transaction(engine) as connection:
            if not (await settle(connection, PACK, NOW)).claimed:
                return


@pytest.fixture
async def ask(retention_engine, tmp_path) -> AsyncIterator[object]:
    """Give a function that asks retention's API as the records manager."""
    keys.make(tmp_path)
    edge = edge_of(
        "retention",
        Settings(jwks_file=tmp_path / "jwks.json", policy=POLICY, keys=tmp_path),
        read_keys(tmp_path, "retention"),
        PACK,
    )
    app = make_app(retention_engine, edge)
    headers = {"Authorization": f"Bearer {issuer.token('D-RM1', tmp_path)}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://retention") as client:

        async def asked(path, status=200, **query):
            answer = await client.get(path, params=query or None, headers=headers)
            assert answer.status_code == status, answer.text
            return answer

        yield asked


async def test_a_schedule_explains_itself_in_sentences(retention_engine, ask):
    await settled(retention_engine, *BURGLARY, contact())

    answer = await ask(f"/v1/records/{uid('r1')}/schedule")
    shown = answer.json()
    assert (shown["state"], shown["keep_until"], shown["group"], shown["row"]) == ("current", "2030-05-06", "G3", "R01")
    assert shown["sentences"][-2] == "So it is kept until 6 May 2030 (row R01)."
    assert shown["derivation"]["steps"][-2] == {"code": "keep_until", "on": "2030-05-06", "row": "R01"}
    assert shown["sentences"][-1] == "Its next review is due on 7 May 2030, the day after its last day."
    assert (shown["review_on"], shown["review_kind"]) == ("2030-05-07", "scheduled")
    assert shown["unsettled"] is False
    assert answer.headers["etag"] == '"1"'


async def test_a_schedule_says_that_facts_about_it_wait(retention_engine, ask):
    await settled(retention_engine, *BURGLARY)
    async with transaction(retention_engine) as connection:
        await take_in(connection, [fresh(contact(), PACK)], NOW)

    assert (await ask(f"/v1/records/{uid('r1')}/schedule")).json()["unsettled"] is True


async def test_a_record_nobody_registered_is_not_found(retention_engine, ask):
    await settled(retention_engine, trigger())

    for record in ("r1", "r9"):
        assert (await ask(f"/v1/records/{uid(record)}/schedule", 404)).json()["code"] == "not_found"


async def test_a_person_is_shown_with_every_record_that_names_them(retention_engine, ask):
    await settled(retention_engine, *BURGLARY)

    shown = (await ask(f"/v1/nominals/{ref('p1')}/schedule")).json()
    assert (shown["group"], shown["keep_until"], shown["birth_known"]) == ("G3", "2028-08-01", True)
    assert {each["record_id"]: each["offending"] for each in shown["records"]} == {
        str(uid("r1")): True,
        str(uid("r2")): True,
    }
    first = await ask(f"/v1/nominals/{ref('p1')}/schedule", limit=1)
    second = await ask(first.links["next"]["url"])
    assert first.json()["records"] + second.json()["records"] == shown["records"]
    [victim] = (await ask(f"/v1/nominals/{ref('p2')}/schedule")).json()["records"]
    assert (victim["record_id"], victim["offending"]) == (str(uid("r2")), False)
    assert "birth_on" not in shown


LISTS = {
    "all": ({}, ["r1", "r2", "r3", "r4"]),
    "a class with those below it": ({"class": "crime"}, ["r1", "r2", "r3", "r4"]),
    "a class": ({"class": "crime.report.undetected"}, ["r3"]),
    "exceptions": ({"state": "exception"}, ["r4"]),
    "state and row": ({"state": "current", "rule": "R01"}, ["r1", "r2"]),
    "group": ({"group": "G3"}, ["r1", "r2"]),
    "unit": ({"unit": "Ealing"}, ["r2"]),
    "a victim": ({"nominal": str(ref("p2"))}, ["r2"]),
    "none due yet": ({"due_before": "2028-08-02"}, []),
    "due": ({"due_before": "2028-08-03"}, ["r3"]),
    "nothing gone": ({"state": "executed"}, []),
}


@pytest.mark.parametrize("sort", ["record", "review_on"])
async def test_records_are_listed_by_what_is_asked(retention_engine, ask, sort):
    await settled(retention_engine, *BURGLARY)

    listed = {what: await _pages(ask, {**query, "sort": sort, "limit": 2}) for what, (query, _) in LISTS.items()}
    assert listed == {what: {str(uid(each)) for each in found} for what, (_, found) in LISTS.items()}


async def _pages(ask, query):
    answer = await ask("/v1/records", **query)
    listed = [each["record_id"] for each in answer.json()["records"]]
    while "next" in answer.links:
        answer = await ask(answer.links["next"]["url"])
        listed += [each["record_id"] for each in answer.json()["records"]]
    assert len(listed) == len(set(listed))
    return set(listed)


async def test_exceptions_have_a_reason_an_owner_and_an_age(retention_engine, ask):
    await settled(retention_engine, *BURGLARY)
    await settled(retention_engine, record_state("r4", 2, links=[suspect("p3")], offences=["unknown"], unit="Ealing"))

    [found] = (await ask("/v1/exceptions")).json()["exceptions"]
    assert (found["record_id"], found["problem"], found["owner"]) == (
        str(uid("r4")), "offence_not_in_table", "data_steward"
    )  # fmt: skip
    assert found["since"].startswith("2026-03-02T12:00:00")


async def test_what_falls_due_is_counted_by_class_unit_and_week(retention_engine, ask):
    await settled(retention_engine, *BURGLARY)

    due = (await ask("/v1/due", before="2030-01-01")).json()["due"]
    assert sum(each["records"] for each in due) == 3
    assert ("crime.report.undetected", None, "dispose") in {(each["class"], each["unit"], each["kind"]) for each in due}
    assert (await ask("/v1/due", before="2030-01-01", kind="dispose", after="2029-01-01")).json() == {"due": []}


async def test_what_falls_due_is_found_by_its_index(retention_engine):
    async with transaction(retention_engine) as connection:
        raw = await driver(connection)
        await raw.execute("SET LOCAL enable_seqscan = off")  # An empty table is always read whole.
        plan = await raw.fetch(f"EXPLAIN {reads._DUE}", date(2030, 1, 1), None, None, None, 1)
    lines = [row[0] for row in plan]
    assert sum("schedule_" in line and "actionable_from_idx" in line for line in lines) == 16, lines


async def test_each_version_is_announced_until_it_is_marked(retention_engine, retention_url):
    await settled(retention_engine, *BURGLARY)
    with psycopg.connect(retention_url.replace("+asyncpg", ""), autocommit=True) as data:
        rows = unannounced(data, 0, 100)
        assert {row.record_uid for row in rows} == {uid(f"r{n}") for n in range(1, 5)}
        mark_announced(data, rows)
        assert unannounced(data, 0, 100) == []

        await settled(retention_engine, contact())
        again = unannounced(data, 0, 100)
        assert {(row.record_uid, row.version) for row in again} == {(uid("r1"), 2), (uid("r2"), 2)}
        mark_announced(data, rows)  # Of a publication that hung: a lower version takes nothing back.
        assert unannounced(data, 0, 100) == again


async def test_a_row_that_somebody_changes_is_passed_over_and_announced_anew(retention_engine, retention_url):
    await settled(retention_engine, record_state())
    with psycopg.connect(retention_url.replace("+asyncpg", ""), autocommit=True) as data:
        rows = unannounced(data, 0, 100)
        async with transaction(retention_engine) as other:
            await (await driver(other)).execute("UPDATE schedule SET held = true, version = version + 1")
            mark_announced(data, rows)

        assert [(row.version, row.held) for row in unannounced(data, 0, 100)] == [(2, True)]


async def test_the_calendars_first_and_last_day_are_days_like_others(retention_engine, retention_url):
    contract = {"record_type": "contract", "offences": [], "metadata": {"ends_on": "9999-12-31"}}
    born = nominal_state("p1", date_of_birth="0001-01-01")
    await settled(retention_engine, record_state("c1", **contract), record_state("r1", links=[suspect("p1")]), born)
    with psycopg.connect(retention_url.replace("+asyncpg", ""), autocommit=True) as data:
        assert {row.record_uid: row.keep_until for row in unannounced(data, 0, 100)}[uid("c1")] == date.max
        assert data.execute("SELECT birth_on FROM person_schedule").fetchall() == [(date.min,)]
    async with transaction(retention_engine) as connection:
        assert await (await driver(connection)).fetchval("SELECT max(keep_until) FROM schedule") == date.max


async def test_a_slot_is_one_announcer_s(retention_url):
    url = retention_url.replace("+asyncpg", "")
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as two:
        assert (take_slot(one, 0), take_slot(two, 0)) == (True, False)


DUE = date(2080, 2, 29)
OLD = Unannounced(
    record_uid=uid("r1"), record_key=1, state="current", class_id="crime", row_id="R01", group="G1", keep_until=DUE,
    actionable_from=DUE + timedelta(days=1), review_on=DUE + timedelta(days=1), review_kind="scheduled", by_age=True,
    problem=None, owner=None, pack="p", lifecycle="current", held=False, restricted=False, reason=None, version=3,
)  # fmt: skip


def test_of_what_goes_by_age_the_year_alone_is_told():
    told = changed(OLD)

    assert (told.keep_year, told.keep_until, told.actionable_from, told.review_on) == (2080, None, None, None)
    assert changed(OLD._replace(review_kind="periodic", review_on=date(2032, 8, 1))).review_on == date(2032, 8, 1)


@pytest.mark.parametrize("kind", ["birthday", "own_end"])
def test_a_day_of_a_person_s_own_is_told_nobody(kind):
    told = changed(OLD._replace(by_age=False, review_kind=kind, review_on=date(2032, 8, 1)))
    assert (told.keep_until, told.review_on) == (DUE, None)


@pytest.mark.parametrize(
    ("state", "lifecycle", "shown"),
    [
        ("current", "current", "current"),
        ("current", "in_review", "in_review"),
        ("exception", "in_review", "exception"),
        ("exception", "executed", "executed"),
        ("permanent", "current", "permanent"),
        ("permanent", "in_review", "in_review"),
    ],
)
def test_one_state_is_shown(state, lifecycle, shown):
    assert shown_state(state, lifecycle) == shown


def test_an_exception_s_reason_and_owner_are_told():
    told = changed(OLD._replace(state="exception", problem="no_birth_date", owner="data_steward", reason="observe"))

    assert (told.state, told.reason, told.owner) == ("exception", "no_birth_date", "data_steward")
