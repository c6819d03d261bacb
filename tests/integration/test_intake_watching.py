"""Watches over views, and views that outlive their process, on a real database."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.intake.actions import alerts, screening
from services.intake.actions.alerts import Look
from services.intake.domain.screening import Looker, Seen
from services.intake.storage import access, measures
from services.intake.storage import alerts as stored
from shared.db import connect, driver, transaction
from shared.events import TaskChanged
from shared.policy import read_pack
from tests.make_arrivals import TODAY, Topic, captured, event, nominal, ref, take, uid
from tests.stack import POLICY, clone
from tools.stack.paths import ROOT
from tools.stack.settings import role_url

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # A Monday.
TEXT = POLICY.read_bytes().replace(b"views = 40", b"views = 3").replace(b"people = 8", b"people = 2")
PACK = read_pack(TEXT, "watches.toml")
INDEX = "urn:demo:nominals"
OFFICERS = frozenset({"reviewing_officer"})


async def look(connection, actor="D-RO1", record=None, at=NOON, roles=OFFICERS, **seen) -> None:
    """Log one view as it is logged, and watch it."""
    record = record or uuid4()
    row = (at, record, actor, "retention_review", "R", None, [], True, None, 0)
    access_id = await access.log(connection, *row)
    await alerts.viewed(connection, PACK, Look(access_id, at, Looker(actor, roles), Seen(record, **seen)))


async def raised(connection) -> list[tuple[str, str]]:
    rows = await (await driver(connection)).fetch("SELECT kind, actor FROM access_alert ORDER BY alert_key")
    return [tuple(row) for row in rows]


@pytest.fixture
async def room(worker_url) -> AsyncIterator:
    """A transaction as intake's API, rolled back."""
    engine = connect(worker_url("intake", "api"), name="tests", pool_size=1)
    async with engine.connect() as connection:
        opened = (await driver(connection)).transaction()
        await opened.start()
        yield connection
        await opened.rollback()
    await engine.dispose()


async def test_so_many_views_in_so_many_minutes_are_told_once_in_that_time(room):
    for minute in (0, 4):
        await look(room, at=NOON + timedelta(minutes=minute))
    assert await raised(room) == []
    await look(room, at=NOON + timedelta(minutes=9))
    assert await raised(room) == [("burst", "D-RO1")]
    for minute in (10, 12):
        await look(room, at=NOON + timedelta(minutes=minute))
    assert len(await raised(room)) == 1, "once in its window"
    await look(room, at=NOON + timedelta(minutes=19, seconds=1))
    assert len(await raised(room)) == 2, "the first is out of the window"


async def test_rows_of_one_name_in_two_tables_raise_their_own_alerts(room):
    pack = read_pack(TEXT.replace(b'id = "homicide"', b'id = "many_viewers"'), "names.toml")
    record = uuid4()
    for actor in ("D-RO1", "D-RO2"):
        row = (NOON, record, actor, "retention_review", "R", None, [], True, None, 0)
        look_at = Look(
            await access.log(room, *row), NOON, Looker(actor, OFFICERS), Seen(record, offences=frozenset("1"))
        )
        await alerts.viewed(room, pack, look_at)
    assert await raised(room) == [("sensitive", "D-RO1"), ("sensitive", "D-RO2"), ("many_viewers", "D-RO2")]


async def test_views_further_apart_or_by_others_are_no_burst(room):
    for minute in (0, 6, 12, 18):
        await look(room, at=NOON + timedelta(minutes=minute))
    for actor in ("D-RO2", "D-RM1"):
        await look(room, actor=actor, at=NOON + timedelta(minutes=18))
    assert await raised(room) == []


async def test_refused_attempts_are_no_views(room):
    for _ in range(5):
        await access.log(room, NOON, uuid4(), "D-RO1", "curiosity", "R", None, [], False, "purpose_not_allowed", 0)
    await look(room)
    assert await raised(room) == []


async def test_a_view_off_shift_is_told_once_a_night(room):
    night = NOON + timedelta(hours=10, minutes=5)
    await look(room, at=night)
    await look(room, at=night + timedelta(hours=5))
    assert await raised(room) == [("off_shift", "D-RO1")]
    await look(room, at=night + timedelta(hours=8), actor="D-AU1", roles=frozenset({"auditor"}))
    await look(room, at=NOON + timedelta(days=1))
    assert len(await raised(room)) == 1, "an auditor has no shift in this pack, and noon is in one"
    await look(room, at=night + timedelta(days=1))
    assert len(await raised(room)) == 2


async def test_so_many_people_at_one_record_are_told_once(room):
    record = uuid4()
    for _ in range(2):
        await look(room, record=record)
    assert await raised(room) == []
    await look(room, actor="D-RO2", record=record)
    await look(room, actor="D-RM1", record=record, at=NOON + timedelta(hours=1))
    assert await raised(room) == [("many_viewers", "D-RO2")]
    await look(room, actor="D-RO2", record=record, at=NOON + timedelta(days=7, hours=2))
    assert len(await raised(room)) == 1, "a week later one person looks"


async def test_open_alerts_are_counted_and_have_an_age(room):
    await look(room, offences=frozenset({"1"}))
    found = {each.metric.name: each.value for each in await measures.read(room, TODAY, NOON + timedelta(minutes=5))}
    assert found["tenure_access_alerts_open"] == 1
    assert found["tenure_access_alerts_oldest_seconds"] == 300


async def test_what_rules_go_by_is_loaded_by_set_from_the_newest_states(intake_connection):
    topic = Topic()
    links = [{"nominal_source": "crime", "nominal_id": person, "role": "suspect"} for person in ("p1", "p2", "p9")]
    told = [nominal("p1", staff_id="P-1", flags=["mappa"]), nominal("p2", flags=["rso"]), nominal("p3", staff_id="P-3")]
    records = [captured("a", unit="Camden", links=links, offences=["1"]), captured("b", restricted=True)]
    await take(intake_connection, *topic.batch(*told, *records))
    await take(intake_connection, topic.of(nominal("p1", 2, flags=["mappa"], staff_id="P-2")))
    task, ids = uuid4(), (uid("a"), uid("b"))
    changed = TaskChanged(task, task, "claimed", "D-RO1", TODAY, None, 1, ids)
    await screening.follow_tasks(intake_connection, [changed])
    found = await screening.seen(intake_connection, PACK, "D-RO1", [*ids, uuid4()])
    assert found == {
        uid("a"): Seen(
            *(uid("a"), "crime_report", "Camden", None, frozenset({"1"}), frozenset({"mappa", "rso"})),
            *(frozenset({"P-2"}), False, False, (task,)),
        ),
        uid("b"): Seen(uid("b"), "crime_report", offences=frozenset({"28/11"}), restricted=True, tasks=(task,)),
    }
    assert (await screening.seen(intake_connection, PACK, "D-RO2", ids))[uid("a")].tasks == ()
    held, early = uuid4(), TaskChanged(task, task, "open", None, TODAY, None, 2)
    both = [early, TaskChanged(held, held, "claimed", "D-RO2", TODAY, None, 1, ids[:1])]
    await screening.follow_tasks(intake_connection, [*both, changed])
    assert (await screening.seen(intake_connection, PACK, "D-RO1", ids))[uid("a")].tasks == ()
    assert (await screening.seen(intake_connection, PACK, "D-RO2", ids))[uid("a")].tasks == (held,)


def party(person: str) -> dict[str, str]:
    return {"nominal_source": "crime", "nominal_id": person}


def pair(kind: str, one: str, other: str, id_: str):
    names = ("a", "b") if kind == "distinguished" else ("into", "from")
    return event(
        f"tenure.nominal.{kind}.v1", dict(zip(names, map(party, (one, other)), strict=True)), id_, source=INDEX
    )


async def test_a_person_is_every_nominal_that_merges_lead_to_until_they_are_undone_or_told_apart(intake_connection):
    async def staff() -> frozenset[str]:
        return (await screening.seen(intake_connection, PACK, "D-RO1", [uid("a")]))[uid("a")].staff

    topic = Topic()
    link = {"nominal_source": "crime", "nominal_id": "p1", "role": "suspect"}
    known = [nominal("p1"), nominal("p2"), nominal("p3", staff_id="D-RO1"), captured("a", links=[link])]
    merges = [pair("merged", "p2", "p1", "m1"), pair("merged", "p2", "p3", "m2")]
    await take(intake_connection, *topic.batch(*known, merges[0]))
    assert await staff() == frozenset()
    await take(intake_connection, topic.of(merges[1]))
    assert await staff() == {"D-RO1"}
    assert await screening.hidden(intake_connection, PACK, Looker("D-RO1", OFFICERS), {uid("a"), ref("p1")}) == {
        *(uid("a"), ref("p1"))
    }
    undone = event("tenure.nominal.unmerged.v1", {"merge_event_id": "m2"}, "u2", subject=str(ref("p2")), source=INDEX)
    await take(intake_connection, topic.of(undone))
    assert await staff() == frozenset()
    await take(intake_connection, topic.of(pair("merged", "p1", "p3", "m3")))
    assert await staff() == {"D-RO1"}
    await take(intake_connection, topic.of(pair("distinguished", "p3", "p1", "d1")))
    assert await staff() == frozenset()


@pytest.fixture
def api_url(database) -> str:
    """A database of a test's own, as intake's API."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    return role_url(f"{server}/{name}", "tenure_intake_api", paths)


async def test_views_at_the_same_time_are_counted_in_turn(api_url):
    engine = connect(api_url, name="tests", pool_size=6)

    async def one() -> None:
        async with transaction(engine) as connection:
            await look(connection)
            await asyncio.sleep(0.05)  # Each is under way while the others come.

    await asyncio.gather(*(one() for _ in range(6)))
    async with engine.connect() as connection:
        assert await raised(connection) == [("burst", "D-RO1")]
        assert len(await stored.page(connection, stored.Wanted(), "", (None, 9), latest_first=False)) == 1
    await engine.dispose()


VIEW = """
import asyncio, sys
from datetime import UTC, datetime
from services.intake.actions.cases import Desks
from services.intake.actions.viewing import Wanted, view
from services.intake.domain.access import Asked
from services.intake.domain.screening import Looker
from shared.db import connect
from shared.in_force import Packs
from tests.make_arrivals import KEYS, PACK, uid

async def main():
    engine = connect(sys.argv[1], name="tests")
    wanted = Wanted(uid(), Looker("D-RM1", frozenset({"records_manager"})), Asked("retention_review", "R1", None), [])
    print(await view(engine, Desks(KEYS, Packs(PACK), 0), wanted, datetime.now(UTC), lambda outcome: None))

asyncio.run(main())
"""


def show(url: str, crash_point: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(ROOT)), "TENURE_CRASH_POINT": crash_point}
    return subprocess.run(
        [sys.executable, "-c", VIEW, url], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


async def test_a_view_is_logged_even_if_the_process_dies_before_showing_it(api_url):
    engine = connect(api_url, name="tests", pool_size=1)
    async with transaction(engine) as connection:
        await take(connection, Topic().of(captured(content={"summary": "seen"})))
    died = await asyncio.to_thread(show, api_url, "view_logged")
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, ""), died.stderr
    showed = await asyncio.to_thread(show, api_url, "")
    assert "'summary': 'seen'" in showed.stdout, showed.stderr
    async with engine.connect() as connection:
        raw = await driver(connection)
        rows = await raw.fetch("SELECT actor, allowed, log_id FROM access ORDER BY access_id")
        told = await raw.fetch("SELECT log_id FROM log WHERE topic = 'access.events.v1' ORDER BY log_id")
    assert [tuple(row)[:2] for row in rows] == [("D-RM1", True)] * 2
    assert {row["log_id"] for row in rows} <= {row["log_id"] for row in told}
    await engine.dispose()
