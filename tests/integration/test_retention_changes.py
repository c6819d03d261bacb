"""Any change, both directions, on a real PostgreSQL: dates before, the fact, dates after, the reason announced."""

from datetime import date

import pytest

from services.retention.actions.announce import changed
from services.retention.storage import superseded
from services.retention.storage.announce import Unannounced
from shared.db import transaction
from tests.integration.test_retention_lifecycle import LOOKED_AT, decide, decided, reviewed
from tests.make_lifecycle import hear, own_engines, select, take, tick
from tests.make_registered import contact, nominal_state, record_state, suspect, trigger, uid, withdrawal

UNDETECTED, KEPT_BY_FLOOR = date(2028, 8, 1), date(2028, 8, 2)
BORN, HUNDRED = "1990-05-06", date(2090, 5, 6)
NOTICED = contact(on="2024-05-06")
CHARGED = trigger(on="2024-05-06")


def suspected(record="r1", *persons, **more):
    return record_state(record, links=[suspect(person) for person in persons or ("p1",)], **more)


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def announced(engine, record="r1"):
    """Give what the announcer would say of a record."""
    names = ", ".join("record_uid" if name == "record_uid" else f"s.{_COLUMN.get(name, name)}" for name in _FIELDS)
    rows = await select(engine, f"SELECT {names} FROM schedule s JOIN record USING (record_key)")
    return next(changed(Unannounced(*row)) for row in rows if row[0] == uid(record))


_FIELDS = Unannounced._fields
_COLUMN = {"group": "grp"}


async def kept(engine, record="r1"):
    rows = await select(
        engine, "SELECT keep_until FROM schedule JOIN record USING (record_key) WHERE record_uid = $1", uid(record)
    )
    return rows[0][0]


async def had(engine, record="r1"):
    async with transaction(engine) as connection:
        found = await superseded.of_record(connection, uid(record), 2**63 - 1, 9)
    return [(each["keep_until"], each["moved_by"]) for each in found]


@pytest.mark.parametrize(
    ("before", "fact", "was", "now", "reason"),
    [
        pytest.param([], record_state(), None, UNDETECTED, "registered", id="the first state"),
        pytest.param(
            [record_state()], suspected(sequence=2), UNDETECTED, KEPT_BY_FLOOR, "new_link", id="a new link, later"
        ),
        pytest.param(
            [suspected(offences=["8/6"])],
            record_state(sequence=2),
            date(2032, 8, 1),
            UNDETECTED,
            "unlinked",
            id="unlinked, earlier",
        ),
        pytest.param([suspected()], NOTICED, KEPT_BY_FLOOR, date(2030, 5, 6), "came_to_notice", id="a contact"),
        pytest.param(
            [suspected(), NOTICED], withdrawal(NOTICED), date(2030, 5, 6), KEPT_BY_FLOOR, "notice_withdrawn",
            id="a contact withdrawn, earlier",
        ),
        pytest.param([suspected()], CHARGED, KEPT_BY_FLOOR, date(2030, 5, 6), "came_to_notice", id="a charge"),
        pytest.param(
            [suspected(), CHARGED], withdrawal(CHARGED), date(2030, 5, 6), KEPT_BY_FLOOR, "notice_withdrawn",
            id="a charge withdrawn",
        ),
        pytest.param(
            [suspected(offences=["8/6"])], suspected(sequence=2, change="withdrawn"), date(2032, 8, 1),
            date(2032, 8, 1), "withdrawn", id="entered in error: to the day that it said itself",
        ),
        pytest.param(
            [suspected(sequence=2, change="withdrawn"), suspected(sequence=1)], suspected(sequence=3, offences=["8/6"]),
            KEPT_BY_FLOOR, date(2032, 8, 1), "reinstated", id="a higher state counts again",
        ),
        pytest.param(
            [record_state(offences=["8/6"])], record_state(sequence=2, offences=["34/1"]), UNDETECTED,
            date(2122, 8, 1), "reclassified", id="reclassified",
        ),
        pytest.param(
            [suspected()], suspected(sequence=2, offences=["8/6"]), KEPT_BY_FLOOR, date(2032, 8, 1), "regraded",
            id="re-graded",
        ),
        pytest.param(
            [suspected(), nominal_state(flags=["mappa"], date_of_birth=BORN)],
            nominal_state(sequence=2, flags=["mappa"], date_of_birth="1985-05-06"),
            HUNDRED, date(2085, 5, 6), "birth_date", id="a birth date corrected, earlier",
        ),
        pytest.param(
            [suspected(), nominal_state(flags=["mappa"])],
            nominal_state(sequence=2, flags=["mappa"], date_of_birth=BORN),
            KEPT_BY_FLOOR, HUNDRED, "birth_date", id="a birth date supplied",
        ),
        pytest.param(
            [suspected()], suspected(sequence=2, reported_at="2023-01-01T10:00:00Z", created_on="2023-01-01"),
            KEPT_BY_FLOOR, date(2029, 1, 1), "came_to_notice", id="a later report",
        ),
    ],
)  # fmt: skip
async def test_a_change_moves_the_date_and_says_why(engine, before, fact, was, now, reason):
    if before:
        await take(engine, *before)
        assert await kept(engine) == was
    await take(engine, fact)
    told = await announced(engine)
    assert (await kept(engine), told.reason) == (now, reason)
    assert await had(engine) == ([(was, reason)] if before else [])


async def test_what_a_new_link_brings_moves_everything_the_person_carries(engine):
    await take(engine, suspected("r1", "p1"), suspected("r2", "p1", "p2"))
    await take(engine, suspected("r3", "p1", offences=["8/6"]))
    assert {await kept(engine, record) for record in ("r1", "r2", "r3")} == {date(2032, 8, 1)}
    assert [(await announced(engine, record)).reason for record in ("r1", "r2", "r3")] == [
        "regraded",
        "regraded",
        "registered",
    ]


async def test_a_death_moves_no_date_and_is_looked_at(engine):
    await take(engine, suspected())
    before = await announced(engine)
    await take(engine, nominal_state(died_on="2023-01-02"))
    assert await announced(engine) == before
    await tick(engine, date(2023, 1, 3))
    assert (await reviewed(engine)).cause == "death"


async def test_a_review_moves_the_date_with_that_reason(engine):
    await take(engine, suspected())
    await hear(engine)
    await tick(engine, LOOKED_AT)
    await decide(engine, decided(await reviewed(engine), "retain"))
    told = await announced(engine)
    assert (told.keep_until, told.reason) == (date(2033, 5, 5), "person_reviewed")
    assert await had(engine) == [(KEPT_BY_FLOOR, "person_reviewed")]


async def test_every_date_that_a_record_had_is_kept_in_order(engine):
    await take(engine, record_state())
    await take(engine, suspected(sequence=2))
    await take(engine, NOTICED)
    await take(engine, withdrawal(NOTICED))
    assert await had(engine) == [
        (date(2030, 5, 6), "notice_withdrawn"),
        (KEPT_BY_FLOOR, "came_to_notice"),
        (UNDETECTED, "new_link"),
    ]
