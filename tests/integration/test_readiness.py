"""A process whose database has no tables, or old ones, says so, waits, and goes on when they are there."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import psycopg
import pytest

from shared.db import connect
from shared.health import database_checks
from shared.migrations import folder_of, newest
from tests import stack
from tools.stack import keys
from tools.stack.paths import ROOT
from tools.stack.ports import choose
from tools.stack.settings import common, role_url

SECONDS_MAX = 20
KAFKA_AWAY = "Kafka at 127.0.0.1:1 does not answer; work goes on when it does."


@pytest.fixture
def own(database):
    """Give the administrator's URL of a fresh database, and the folder of its passwords."""
    admin, paths = database
    name = f"tenure_ready_{os.urandom(4).hex()}"
    stack.clone(f"{admin.rpartition('/')[0]}/postgres", name)
    return f"{admin.rpartition('/')[0]}/{name}", paths


async def says(url: str) -> tuple[dict[str, bool], list[str]]:
    engine = connect(url, name="tests", pool_size=1)
    try:
        return await database_checks(engine, folder_of("intake"))
    finally:
        await engine.dispose()


def set_migration(admin: str, number: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("UPDATE intake.alembic_version SET version_num = %s", [number])


async def test_tables_as_this_code_needs_them_are_well_and_newer_ones_too(own):
    url = role_url(own[0], "tenure_intake_worker", own[1])
    assert await says(url) == ({"database": True, "migrations": True}, [])
    set_migration(own[0], "9999")
    assert await says(url) == ({"database": True, "migrations": True}, [])


async def test_older_tables_are_said_with_the_mend(own):
    set_migration(own[0], "0001")
    checks, [sentence] = await says(role_url(own[0], "tenure_intake_worker", own[1]))
    assert checks == {"database": True, "migrations": False}
    assert sentence.startswith(f"The database is at migration 0001, and this code needs {newest(folder_of('intake'))}:")
    assert "python -m tools.stack.migrate" in sentence


async def test_no_tables_and_no_way_in_are_told_apart(own):
    server = own[0].rpartition("/")[0]
    checks, [sentence] = await says(role_url(f"{server}/postgres", "tenure_intake_worker", own[1]))
    assert checks["migrations"] is False
    assert sentence.startswith("The database has no tables of this service:")
    wrong = role_url(own[0], "tenure_intake_worker", own[1]).replace(":tenure", ":")
    refused = role_url(f"{server}/none_such", "tenure_intake_worker", own[1])
    for url in (wrong.replace(keys.passwords(own[1].keys)["tenure_intake_worker"], "wrong"), refused):
        checks, [sentence] = await says(url)
        assert checks == {"database": False}
        assert sentence.startswith("The database does not let this service's role in")


def ask(port: int, path: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)
    except OSError:
        return 0, {}


def wait_for(holds, what: str):
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {SECONDS_MAX} s")


@contextmanager
def process(kind: str, own, tmp_path):
    """Run intake's worker or api on a database, with a broker that is not there."""
    admin, paths = own
    port, log = choose(0), (tmp_path / "log").open("w")
    told = {
        "TENURE_INTAKE_DATABASE_URL": role_url(admin, f"tenure_intake_{kind}", paths),
        "TENURE_KAFKA": "127.0.0.1:1",
    }
    told |= {"TENURE_PORT": str(port), "TENURE_HEALTH_PORT": str(port), "APP_DATADIR": str(tmp_path)}
    keys.make(paths.keys)
    kept = {name: each for name, each in os.environ.items() if not name.startswith("TENURE_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **common(paths), **told}
    command = [sys.executable, "-m", "services.intake.main", kind]
    started = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)
    try:
        yield port, started
    finally:
        started.kill()
        started.wait()
        log.close()


@pytest.mark.parametrize("kind", ["worker", "api"])
def test_a_process_waits_for_its_tables_and_goes_on_when_they_are_there(kind, own, tmp_path):
    set_migration(own[0], "0001")
    with process(kind, own, tmp_path) as (port, started):
        status, said = wait_for(lambda: (found := ask(port, "/readyz"))[0] and found, "it answers")
        assert (status, said["checks"]["migrations"]) == (503, False)
        assert any("needs" in sentence for sentence in said["waits_for"])
        assert ask(port, "/livez")[0] == 200
        set_migration(own[0], newest(folder_of("intake")))
        wait_for(lambda: ask(port, "/readyz")[1].get("checks", {}).get("migrations"), "it sees its tables")
        if kind == "worker":
            wait_for(lambda: KAFKA_AWAY in ask(port, "/readyz")[1].get("waits_for", ()), "it asks Kafka")
        assert started.poll() is None


def test_a_worker_that_waits_for_its_tables_can_be_stopped(own, tmp_path):
    set_migration(own[0], "0001")
    with process("worker", own, tmp_path) as (port, started):
        wait_for(lambda: ask(port, "/livez")[0] == 200, "it is alive")
        started.send_signal(signal.SIGTERM)
        assert started.wait(10) == -signal.SIGTERM
