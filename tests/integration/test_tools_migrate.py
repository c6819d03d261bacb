"""The migrate step: every schema in one go, by roles that own nothing they need not."""

import psycopg
import pytest
from sqlalchemy import text

from tests import stack
from tools.stack.errors import StackError
from tools.stack.keys import SERVICES, passwords
from tools.stack.migrate import migrate, pack_at


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_finds_its_own_schema_and_no_other(worker_url, service):
    with psycopg.connect(worker_url(service).replace("+asyncpg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM policy").fetchone() == (1,)
        other = next(each for each in SERVICES if each != service)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT 1 FROM {other}.policy")


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_who_runs_may_change_the_log(worker_url, service):
    for kind in ("api", "worker"):
        url = worker_url(service, kind).replace("+asyncpg", "")
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM log")


def test_migrating_again_changes_nothing(database):
    url, paths = database
    before = _columns(url)

    migrate(url, passwords(paths.keys), stack.POLICY)

    assert _columns(url) == before


def test_a_bad_pack_stops_it_with_line_and_mend(database, tmp_path):
    url, paths = database
    pack = tmp_path / "bad.toml"
    pack.write_text(stack.POLICY.read_text() + "\n[[no_such_table]]\nid = 1\n")

    with pytest.raises(StackError, match=r"bad\.toml:\d+: no_such_table"):
        migrate(url, passwords(paths.keys), pack)


def test_another_text_of_a_pack_in_force_is_refused_and_nothing_changes(database, tmp_path):
    url, paths = database
    pack, said = tmp_path / "pack.toml", stack.POLICY.read_text()
    before = _packs(url)

    pack.write_text(said.replace('retain = "6y"', 'retain = "7y"', 1))
    with pytest.raises(StackError, match="demonstration of 2020-02-01 is in force already"):
        migrate(url, passwords(paths.keys), pack)
    assert _packs(url) == before

    pack.write_text(said.replace("effective_on = 2020-02-01", "effective_on = 2199-01-01"))
    migrate(url, passwords(paths.keys), pack)
    pack.write_text(said.replace('id = "demonstration"', 'id = "another"'))
    migrate(url, passwords(paths.keys), pack)
    migrate(url, passwords(paths.keys), stack.POLICY)
    assert _packs(url) == before + 2


def test_a_pack_that_cannot_be_read_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(StackError, match="There is no policy pack at"):
        pack_at(tmp_path / "none.toml")
    with pytest.raises(StackError, match="cannot be read"):
        pack_at(tmp_path)


async def test_what_a_test_writes_is_gone_after_it(intake_connection):
    sql = "INSERT INTO tick VALUES ('probe', clock_timestamp(), current_date)"
    await intake_connection.execute(text(sql))

    assert await intake_connection.scalar(text("SELECT count(*) FROM tick WHERE job = 'probe'")) == 1


async def test_the_next_test_sees_nothing_of_it(intake_connection):
    assert await intake_connection.scalar(text("SELECT count(*) FROM tick WHERE job = 'probe'")) == 0


def _columns(url: str) -> list[tuple[object, ...]]:
    query = "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns ORDER BY 1, 2, 3"
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def _packs(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM retention.policy").fetchone()
    return count
