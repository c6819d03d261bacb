"""I6 of records, from raw tables: what waits for something to happen has no day and is in sight; all else has one."""

import tomllib
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import psycopg
import pytest

from shared.db import driver, transaction
from tests.make_facts import POLICY_TEXT
from tests.make_lifecycle import own_engines, take
from tests.make_registered import record_state, uid
from tools.verify.checks.dated import check
from tools.verify.findings import Tally
from tools.verify.tables import Schema

UNDATED = "records without a date, a review date or an owner"


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        await take(
            worker,
            record_state("file", record_type="prosecution_file", offences=[]),
            record_state("part", record_type="exhibit", part_of=["file"]),
            record_state("dated"),
        )
        yield worker


@contextmanager
def estate(engine):
    with psycopg.connect(engine.url.render_as_string(hide_password=False).replace("+asyncpg", "")) as data:
        data.execute("SET search_path = retention")
        yield SimpleNamespace(
            retention=Schema("retention", data),
            intake=SimpleNamespace(stream=lambda _: iter(()), rows=lambda *_: []),
            packs={row[0]: tomllib.loads(POLICY_TEXT.decode()) for row in data.execute("SELECT pack FROM schedule")},
            now=datetime.now(UTC),
            positions=lambda *_: {},
            published=SimpleNamespace(unread=lambda _: set()),
            progress=SimpleNamespace(at=lambda *_: None),
        )


def wrong(engine):
    tally = Tally()
    with estate(engine) as seen:
        check(seen, tally)
    return dict(tally.wrong)


async def tamper(engine, statement, *values):
    async with transaction(engine) as connection:
        await (await driver(connection)).execute(statement, *values)


async def test_a_file_that_was_not_closed_and_its_parts_may_wait_without_a_day(engine):
    async with transaction(engine) as connection:
        undated = await (await driver(connection)).fetchval("SELECT count(*) FROM schedule WHERE keep_until IS NULL")
    assert undated == 2
    assert wrong(engine) == {}


@pytest.mark.parametrize(
    ("what", "record"),
    [
        ("keep_until = NULL, actionable_from = NULL, open_on = NULL", "dated"),  # Its row starts at a date of its own.
        ("keep_until = NULL", "dated"),
        ("row_id = NULL", "file"),
        ("state = 'exception'", "file"),
    ],
)
async def test_what_is_out_of_sight_is_found(engine, what, record):
    of_record = "record_key = (SELECT record_key FROM record WHERE record_uid = $1)"
    await tamper(engine, f"UPDATE schedule SET {what} WHERE {of_record}", uid(record))
    assert wrong(engine) == {UNDATED: 1}
