"""A pack that comes into force while everything runs reaches all three services, over HTTP, without a restart."""

import asyncio
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.retention.actions.packs import whole_pack
from services.retention.actions.redate import chunk, follow
from services.retention.redating import Redater
from services.retention.storage import in_force
from services.review.actions.taking import take_reviews
from shared.calendar_rules import civil_day
from shared.clock import monotonic, wall_clock
from shared.db import connect, transaction
from shared.events import POLICIES, Member, PolicyActivated, ReviewRequested, encode
from shared.in_force import IN_FORCE_SECONDS, Packs, take_policies
from shared.policy import read_pack
from tests.apis import own_database, running
from tests.make_arrivals import KEYS
from tests.make_discards import batch
from tests.make_lifecycle import select, settle_all, take
from tests.make_registered import record_state, uid
from tests.stack import POLICY
from tools.stack import keys
from tools.stack.errors import StackError
from tools.stack.migrate import store

TEXT = POLICY.read_text()
OLD = read_pack(TEXT.encode(), POLICY.name)
TODAY = date(2026, 11, 1)
SERVICES = ("intake", "retention", "review")
PROMISED_SECONDS = 1.0  # How old the pack that a service works by may be.
SLOW_SECONDS_MAX = 30  # This machine's.
LATE_SECONDS_MAX = PROMISED_SECONDS + SLOW_SECONDS_MAX


def test_a_look_at_what_is_in_force_is_no_older_than_promised():
    assert IN_FORCE_SECONDS <= PROMISED_SECONDS


def changed(effective_on=date(2026, 10, 1)):
    """Give the text of a pack that all three services judge otherwise by."""
    text = TEXT.replace("effective_on = 2020-02-01", f"effective_on = {effective_on}", 1)
    text = text.replace('review = "7d" ', 'review = "9d" ', 1).replace(
        "Is there still a policing", "Is there yet a policing"
    )
    row = text.index('id = "R03"')
    return text[:row] + text[row:].replace('retain = "6y"', 'retain = "7y"', 1)


class Estate:
    """Three services' APIs and workers' databases; the broker between them is this test."""

    def __init__(self, apis, engines, admin, folder):
        self.apis, self.engines, self.admin, self.folder = apis, engines, admin, folder

    def store(self, text):
        """Store a pack as `./tenure policy store` does."""
        path = self.folder / "pack.toml"
        path.write_text(text)
        store(self.admin, path)
        return read_pack(text.encode(), "pack.toml")

    async def follow(self, today=TODAY, *, file=OLD, starting=False):
        """Let retention's worker look, once."""
        async with transaction(self.engines["retention"]) as connection:
            return await follow(connection, file, today, wall_clock(), starting=starting)

    async def told(self):
        """Give what retention told of packs."""
        statement = "SELECT version, payload FROM log WHERE topic = $1 ORDER BY log_id"
        return await select(self.engines["retention"], statement, POLICIES)

    async def relay(self):
        """Carry it to the others."""
        rows = await self.told()
        for service in ("intake", "review"):
            await deliver(self.engines[service], *(row["payload"] for row in rows))

    async def ask(self, service, path, role="records_manager"):
        async with self.apis.client(service) as client:
            found = await client.get(path, headers={"Authorization": f"Bearer {self.apis.token(role)}"})
        assert found.status_code == 200, found.text
        return found.json()

    async def pack_of(self, service):
        return (await self.ask(service, "/readyz"))["pack"]

    async def until(self, pack):
        """Wait until every API goes by a pack; none may take longer than the bound that has a name."""
        until = monotonic() + LATE_SECONDS_MAX
        while {await self.pack_of(service) for service in SERVICES} != {pack.hash}:
            assert monotonic() < until, "one goes by another pack still"
            await asyncio.sleep(0.05)


async def deliver(engine, *payloads):
    records = [
        SimpleNamespace(
            partition=0,
            offset=n,
            key=b"pack",
            value=payload,
            timestamp=0,
            headers=[("ce_type", PolicyActivated.type.encode())],
        )
        for n, payload in enumerate(payloads)
    ]
    async with transaction(engine) as connection:
        await take_policies(KEYS, connection, batch(POLICIES, records))


@asynccontextmanager
async def an_estate(database, folder):
    keys.make(folder)
    urls = own_database(database, ("api", "worker"))
    engines = {service: connect(urls[f"{service}_worker"], name="tests") for service in SERVICES}
    admin = f"{database[0].rpartition('/')[0]}/{urls['intake_api'].rpartition('/')[2]}"
    async with running(urls, folder) as apis:
        yield Estate(apis, engines, admin, folder)
    for engine in engines.values():
        await engine.dispose()


@pytest.fixture
async def estate(database, tmp_path):
    async with an_estate(database, tmp_path) as made:
        await made.follow(starting=True)
        await made.relay()
        yield made


async def test_a_stored_pack_reaches_all_three_on_its_first_day_and_they_judge_by_it(estate):
    record = record_state("r1", links=[])
    await take(estate.engines["retention"], record)
    await settle_all(estate.engines["retention"])
    asked = await a_review(estate)
    before = await judged(estate, asked)

    pack = estate.store(changed())
    assert (await estate.follow(date(2026, 9, 30))).pack_hash == OLD.hash
    await estate.relay()
    assert {await estate.pack_of(service) for service in SERVICES} == {OLD.hash}

    assert (await estate.follow()).pack_hash == pack.hash
    await estate.relay()
    await estate.until(pack)
    # Until its chunk has come, a schedule is told by the pack that dated it.
    assert (await judged(estate, asked))[2:] == (pack.hash, OLD.hash, 6)
    await redated(estate, pack)
    after = await judged(estate, asked)

    assert before == ("7d", "Is there still a policing purpose?", OLD.hash, OLD.hash, 6)
    assert after == ("9d", "Is there yet a policing purpose?", pack.hash, pack.hash, 7)


async def a_review(estate):
    members = (Member(uuid4(), "crime.report.suspect", TODAY, False),)
    asked = ReviewRequested(
        review_id=uuid4(),
        subject=uuid4(),
        subject_kind="record",
        kind="scheduled",
        version=1,
        cause="period_ended",
        group=None,
        row="R03",
        pack=OLD.hash,
        due_on=TODAY,
        records=members,
        derivation={"v": 1, "steps": []},
        basis="b" * 64,
    )
    async with transaction(estate.engines["review"]) as connection:
        await take_reviews(connection, [asked], wall_clock())
    return asked.review_id


async def judged(estate, review_id):
    """Say how each service judges: how long intake lets a bad event wait, what review asks, how long is retained."""
    async with estate.apis.client("intake") as client:
        sent = {"specversion": "1.0", "id": str(uuid4()), "source": "urn:crime", "type": "tenure.record.captured.v1"}
        token = {"Authorization": f"Bearer {estate.apis.token('upstream')}"}
        kind = {"content-type": "application/cloudevents+json"}
        answer = await client.post("/v1/events", json={**sent, "data": {}}, headers=token | kind)
    assert answer.json()["outcome"] == "quarantined", answer.text
    waits = (await estate.ask("intake", "/v1/quarantine?sort=-first_seen", "data_steward"))[0]
    came = civil_day(datetime.fromisoformat(waits["first_seen"]), OLD.zone)
    days = date.fromisoformat(waits["review_on"]) - came
    task = await estate.ask("review", f"/v1/tasks/{review_id}")
    shown = await estate.ask("retention", f"/v1/records/{uid('r1')}/schedule")
    [policy] = [step for step in shown["derivation"]["steps"] if step["code"] == "pack"]
    assert policy["pack"] == shown["pack"]
    years = date.fromisoformat(shown["keep_until"]).year - date.fromisoformat(shown["clock_on"]).year
    return f"{days.days}d", task["questions"][0]["text"], task["in_force"], shown["pack"], years


async def redated(estate, pack):
    while True:
        async with transaction(estate.engines["retention"]) as connection:
            if await chunk(connection, pack, wall_clock()) is None:
                return


async def test_what_was_told_is_told_once(estate):
    estate.store(changed())
    for _ in range(3):
        await estate.follow()
    assert [row["version"] for row in await estate.told()] == [1, 2]


async def test_the_highest_turn_counts_in_whatever_order_it_comes(estate):
    pack = estate.store(changed())
    await estate.follow()
    rows = await estate.told()
    await deliver(estate.engines["review"], *(row["payload"] for row in reversed(rows)), rows[0]["payload"])

    async with transaction(estate.engines["review"]) as connection:
        assert (await Packs(OLD).current(connection)).hash == pack.hash


async def test_a_draft_whose_day_has_not_come_is_not_judged_by_even_where_it_is_the_processs_own_file(estate):
    draft = read_pack(changed(date(2199, 1, 1)).encode(), "draft.toml")
    for service in SERVICES:
        async with transaction(estate.engines[service]) as connection:
            assert (await Packs(draft).current(connection)).hash == OLD.hash


async def test_before_retention_has_told_of_any_the_stored_one_counts_until_the_files_first_day(database, tmp_path):
    async with an_estate(database, tmp_path) as fresh:
        draft = read_pack(changed(date(2199, 1, 1)).encode(), "draft.toml")
        async with transaction(fresh.engines["intake"]) as connection:
            assert (await Packs(draft).current(connection)).hash == OLD.hash
            assert await Packs(OLD).current(connection) is not None


async def test_an_older_pack_never_replaces_the_one_in_force(estate):
    with pytest.raises(StackError, match="The pack in force counts from 2020-02-01"):
        estate.store(changed(date(2019, 1, 1)))
    pack = estate.store(changed())
    await estate.follow()
    assert (await estate.follow(starting=True)).pack_hash == pack.hash  # A worker that was killed has its old file.
    assert (await estate.follow(file=read_pack(changed(date(2020, 3, 1)).encode(), "b"))).pack_hash == pack.hash


async def test_a_worker_that_is_started_again_with_its_older_file_says_so(estate, caplog):
    pack = estate.store(changed(date(2020, 3, 1)))
    await estate.follow()
    worker = SimpleNamespace(engine=estate.engines["retention"], packs=Packs(OLD), tells={})
    redater = Redater(SimpleNamespace(worker=worker))
    for _ in range(2):
        await redater.follow()
    assert worker.packs.pack.hash == pack.hash
    assert [each.action for each in caplog.records].count("older_policy_file") == 1


async def test_of_two_packs_of_one_day_the_one_that_a_worker_starts_with_counts_and_stays(estate):
    other = read_pack(changed(OLD.effective_on).encode(), "another")
    estate.store(changed())
    assert (await estate.follow(file=other, starting=True, today=date(2026, 9, 1))).pack_hash == other.hash
    assert (await estate.follow(today=date(2026, 9, 2))).pack_hash == other.hash
    assert (await estate.follow(starting=True, today=date(2026, 9, 3))).pack_hash == OLD.hash


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (lambda event: replace_text(event, event.text + "#"), "not_the_pack"),
        (lambda event: made_of("[pack]\nid = 1\n"), "pack_unreadable"),
    ],
    ids=["another text", "a pack that this code cannot read"],
)
async def test_what_cannot_be_gone_by_is_set_aside_and_the_pack_before_stands(estate, told, reason):
    engine = estate.engines["intake"]
    await deliver(engine, encode(told(made_of(changed()))))

    assert [row["reason"] for row in await select(engine, "SELECT reason FROM dead_letter")] == [reason]
    async with transaction(engine) as connection:
        assert (await Packs(OLD).current(connection)).hash == OLD.hash


async def test_of_two_messages_about_one_pack_the_one_with_another_text_is_set_aside(estate):
    sound = made_of(changed())
    await deliver(estate.engines["intake"], encode(sound), encode(replace_text(sound, sound.text + "#")))

    letters = await select(estate.engines["intake"], 'SELECT "offset", reason FROM dead_letter')
    assert [tuple(each) for each in letters] == [(1, "not_the_pack")]


async def test_one_that_was_gone_back_from_before_this_version_is_not_brought_back(estate):
    pack = estate.store(changed())
    await estate.follow()
    async with transaction(estate.engines["retention"]) as connection:
        await in_force.add(connection, OLD.hash, [pack.hash], TODAY, wall_clock())
    assert (await estate.follow(TODAY + timedelta(days=1))).pack_hash == OLD.hash


def made_of(text):
    digest = sha256(text.encode()).hexdigest()
    return PolicyActivated(digest, date(2026, 10, 1), TODAY, text, 9)


def replace_text(event, text):
    return PolicyActivated(event.pack, event.effective_on, event.in_force_on, text, event.version)


async def test_a_record_that_a_change_does_not_reach_is_explained_by_the_row_as_it_was(estate):
    retention = estate.engines["retention"]
    await take(retention, record_state("r1", links=[]))
    await settle_all(retention)
    pack = estate.store(changed().replace('retain = "7y"', 'retain = "7y"\nreaches = "new_records_only"', 1))
    await estate.follow()
    async with transaction(retention) as connection:
        whole = await whole_pack(connection, pack.hash, OLD)
    await take(retention, record_state("r1", 2, "revised", unit="North"), pack=whole)
    await estate.relay()
    await estate.until(pack)

    shown = await estate.ask("retention", f"/v1/records/{uid('r1')}/schedule")
    assert (shown["pack"], shown["keep_until"]) == (pack.hash, "2028-08-01")
    told = "Row R03 was changed from 1 October 2026 for records made since; for this one it is what it was."
    assert told in shown["sentences"]
    assert {step["code"]: step for step in shown["derivation"]["steps"]}["period"]["years"] == 6
