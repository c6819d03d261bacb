"""The verifier finds nothing wrong in a sound system, and finds each thing that somebody tampers with."""

import asyncio
import json
import os
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from services.intake.actions import screening
from services.intake.actions.cases import Desks
from services.intake.actions.viewing import Wanted, view
from services.intake.domain.access import Asked
from services.intake.domain.screening import Looker
from shared.db import connect, driver, transaction
from shared.errors import Forbidden
from shared.in_force import Packs
from shared.keys import read_keys
from shared.policy import read_pack
from shared.topics import BY_NAME
from tests import stack
from tests.system.documented import undocumented
from tools.adapters.police_uk import read
from tools.cli import lag
from tools.stack.paths import ROOT
from tools.stack.postgres import DATABASE
from tools.stack.settings import role_url
from tools.verify.__main__ import main
from tools.verify.broker import Broker
from tools.verify.merkle import Growing
from tools.verify.progress import Progress

EVENTS = 200
SAMPLE = ROOT / "tools" / "demo" / "sample"
PARTS = ("kafka", "postgres", "intake-worker", "retention-worker", "review-worker")
EVERYTHING = {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I15"}
PACK = "(SELECT pack_hash FROM retention.policy LIMIT 1)"
CANARY = "canary-5e7d"
NOBODY = "00000000-0000-0000-0000-000000000001"


class Sound:
    """A system that took some events in and was stopped; each test tampers with a copy of its database."""

    def __init__(self, running, monkeypatch):
        self.stack, self.monkeypatch, self.copies = running, monkeypatch, 0

    def tampered(self, *statements):
        self.copies += 1
        name = f"copy_{datetime.now(UTC).timestamp():.6f}".replace(".", "_")
        server = self.stack.admin_url.rpartition("/")[0]
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{DATABASE}" STRATEGY file_copy')
        with psycopg.connect(f"{server}/{name}", autocommit=True) as admin:
            for statement in statements:
                assert admin.execute(statement).rowcount, f"nothing to tamper with: {statement}"
        url = role_url(f"{server}/{name}", "tenure_verify", self.stack.paths, "postgresql")
        self.monkeypatch.setenv("TENURE_VERIFY_DATABASE_URL", url)
        return self


@pytest.fixture(scope="module")
def running():
    with stack.private_stack(PARTS) as started:
        _publish(started.bootstrap, next(SAMPLE.glob("*stop-and-search*")))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in started.environment().items():
                patch.setenv(name, value)
            _until_taken_in(started.admin_url)
            asyncio.run(_look(started))
            assert main(["--quiet", "--json", "--patience", "30"]) == 0
            for each in started.services():
                each.send(each.stop_signal)
            for each in started.services():
                each.wait_gone(10)
            yield started


@pytest.fixture
def sound(running, monkeypatch):
    return Sound(running, monkeypatch)


@pytest.fixture
def verify(capsys):
    """Run the verifier; gives its exit status and its findings by id."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["--quiet", "--json", "--patience", "0", *arguments])
        told = json.loads(capsys.readouterr().out)
        return status, {each["id"]: each for each in told["findings"]}

    return run


def _publish(bootstrap, path: Path):
    producer = Producer({"bootstrap.servers": bootstrap})
    for number, event in enumerate(read(path)):
        if number == EVENTS:
            break
        told = {**(state := json.loads(event.data)), "content": {**state["content"], "self_defined_ethnicity": CANARY}}
        producer.produce("records.events.v1", json.dumps(told).encode(), event.key, headers=list(event.headers))
    assert producer.flush(20) == 0


async def _look(started):
    """View a record that was called sensitive, and ask for it again for a purpose that is none."""
    pack, now = read_pack(stack.POLICY.read_bytes(), "pack"), datetime.now(UTC)
    engine = connect(role_url(started.admin_url, "tenure_intake_api", started.paths), name="tests")
    desks = Desks(read_keys(started.paths.keys, "intake"), Packs(pack), 0)
    async with transaction(engine) as connection:
        record = await (await driver(connection)).fetchval("SELECT record_uid FROM record WHERE version > 0 LIMIT 1")
        await screening.mark(connection, (pack, Looker("D-PS1", frozenset()), record), (True, "a test"), 0, now)
    looker = Looker("D-RM1", frozenset({"records_manager"}))
    for purpose, refused in (("retention_review", nullcontext()), ("curiosity", pytest.raises(Forbidden))):
        with refused:
            await view(engine, desks, Wanted(record, looker, Asked(purpose, "CASE-1", None), []), now, str)
    await engine.dispose()


def _until_taken_in(url):
    with psycopg.connect(url, autocommit=True) as admin:
        for _ in range(120):
            came = admin.execute("SELECT count(*) FROM intake.arrival").fetchone()
            dated = admin.execute("SELECT count(*) FROM retention.schedule WHERE announced_version > 0").fetchone()
            if came == (EVENTS,) and dated[0] > EVENTS / 2:
                return
            time.sleep(0.5)
    raise AssertionError("the events were not taken in")


def _failed(findings):
    return {id_ for id_, each in findings.items() if each["verdict"] == "fails"}


def test_a_sound_system_holds(sound, verify):
    status, findings = verify()
    assert (status, _failed(findings), set(findings)) == (0, set(), EVERYTHING)
    assert findings["I5"]["verdict"] == "not_checkable"
    assert findings["I1"]["checked"] == 2 * EVENTS
    assert findings["I10"]["checked"] > EVENTS
    assert findings["I12"]["reason"].startswith("1 strings were looked for")


def test_a_topic_is_the_same_one_to_the_verifier_and_to_the_workers(running):
    found = Broker(running.bootstrap, Progress(quiet=True)).incarnations(BY_NAME)
    with psycopg.connect(running.admin_url) as admin:
        for service in ("intake", "retention", "review"):
            stored = dict(admin.execute(f"SELECT DISTINCT topic, incarnation FROM {service}.position").fetchall())
            assert stored == {topic: found[topic] for topic in stored} != {}


TAMPERED = [
    pytest.param({"I13"}, ["UPDATE intake.access SET reference = '' WHERE allowed"], id="a view without a reference"),
    pytest.param({"I13"}, ["UPDATE intake.access SET purpose = 'else' WHERE allowed"], id="a view for another purpose"),
    pytest.param({"I13"}, ["DELETE FROM intake.access WHERE NOT allowed"], id="an attempt is gone"),
    pytest.param({"I13"}, ["DELETE FROM intake.access_alert"], id="alerts are gone"),
    pytest.param({"I13"}, ["UPDATE intake.access_alert SET actor = 'D-RO2'"], id="alerts are about another"),
    pytest.param(
        {"I1", "I2"},
        ["DELETE FROM intake.arrival WHERE arrival_key = (SELECT min(arrival_key) FROM intake.arrival)"],
        id="an arrival is gone",
    ),
    pytest.param(
        {"I1", "I2"},
        ["UPDATE intake.arrival SET outcome = 'duplicate'"
         " WHERE arrival_key = (SELECT min(arrival_key) FROM intake.arrival)"],
        id="an arrival has another outcome",
    ),
    pytest.param(
        {"I6"},
        ["INSERT INTO retention.dirty (record_key, marked_at)"
         " SELECT min(record_key), clock_timestamp() - interval '6 minutes' FROM retention.record"],
        id="a mark that nobody settles",
    ),
    pytest.param({"I2"}, ["UPDATE intake.account SET n = n + 1 WHERE outcome = 'accepted'"], id="an account is one up"),
    pytest.param(
        {"I2"},
        ["UPDATE intake.lifecycle SET held = true"
         " WHERE record_uid = (SELECT min(record_uid::text)::uuid FROM intake.lifecycle)"],
        id="intake thinks a record held",
    ),
    pytest.param(
        {"I2"},
        ["UPDATE intake.record SET version = 2 WHERE record_key = (SELECT min(record_key) FROM intake.record)"],
        id="a record has a version without a state",
    ),
    pytest.param(
        {"I3", "I10"},
        ["DELETE FROM intake.log"
         " WHERE log_id = (SELECT max(log_id) FROM intake.log WHERE topic = 'records.receipts.v1')"],
        id="a log row is gone",
    ),
    pytest.param(
        {"I3", "I10"},
        ["UPDATE intake.log SET payload = payload || ' ' WHERE log_id = (SELECT max(log_id) FROM intake.log)"],
        id="a log row is altered",
    ),
    pytest.param(
        {"I2", "I3"},
        ["UPDATE retention.schedule SET kept_by_hold = true"
         " WHERE record_key = (SELECT min(record_key) FROM retention.schedule)"],
        id="a schedule is not what its topic says",
    ),
    pytest.param(
        {"I4"},
        ["UPDATE retention.fact SET canonical = canonical || ' '"
         " WHERE fact_key = (SELECT min(fact_key) FROM retention.fact)"],
        id="a fact is altered",
    ),
    pytest.param(
        {"I4"},
        ["UPDATE retention.schedule SET clock_on = clock_on - 1"
         " WHERE record_key = (SELECT min(record_key) FROM retention.schedule)"],
        id="a schedule's clock is moved",
    ),
    pytest.param(
        {"I3", "I4"},
        ["UPDATE retention.schedule SET keep_until = keep_until - 365 "
         "WHERE record_key = (SELECT min(record_key) FROM retention.schedule)"],
        id="a schedule ends a year early",
    ),
    pytest.param(
        {"I4", "I10"},
        ["DELETE FROM retention.leaf WHERE leaf_index = 0"],
        id="a leaf is gone",
    ),
    pytest.param(
        {"I4"},
        ["INSERT INTO retention.unsealed (log_ids) SELECT array_agg(log_id) FROM retention.log",
         "UPDATE retention.log SET at = at - interval '1 hour'"],
        id="the sealer stands still",
    ),
    pytest.param(
        {"I6", "I3"},
        ["DELETE FROM retention.schedule WHERE record_key = (SELECT min(record_key) FROM retention.schedule)"],
        id="a record has no schedule",
    ),
    pytest.param(
        {"I7"},
        [f"INSERT INTO retention.parked VALUES ('{NOBODY}', '{NOBODY}', 'field_missing', now())"],
        id="a subject is kept from disposal by nothing",
    ),
    pytest.param(
        {"I2", "I3", "I4", "I7", "I11"},
        ["""UPDATE retention.schedule SET open_on = '2020-01-01', actionable_from = '2020-01-01', lifecycle = 'due'
            WHERE record_key = (SELECT min(record_key) FROM retention.schedule)"""],
        id="a record is due and nobody has it in hand",
    ),
    pytest.param(
        {"I9"},
        ["INSERT INTO intake.body_key VALUES (999999, 1, '')"],
        id="a key outlives its body",
    ),
    pytest.param(
        {"I9"},
        [f"""INSERT INTO intake.shredding SELECT '{NOBODY}', record_uid, sequence, 1, now() FROM intake.record
            WHERE kind = 'record' AND accepted_on IS NOT NULL LIMIT 1"""],
        id="what was shredded is still there",
    ),
    pytest.param(
        {"I10"},
        ["UPDATE intake.head SET signature = set_byte(signature, 0, get_byte(signature, 0) # 1)"
         " WHERE tree_size = (SELECT min(tree_size) FROM intake.head)"],
        id="a signature is wrong",
    ),
    pytest.param(
        {"I10"},
        ["UPDATE retention.head SET root = sha256(root) WHERE tree_size = (SELECT min(tree_size) FROM retention.head)"],
        id="a head is another tree's",
    ),
    pytest.param(
        {"I12"},
        [f"INSERT INTO review.idempotency VALUES ('{CANARY}', 'POST /v1/x', '', '', now())"],
        id="a table tells content",
    ),
    pytest.param(
        {"I10"},
        ["UPDATE intake.leaf SET digest = sha256(digest) WHERE leaf_index = 3"],
        id="a leaf is altered",
    ),
]  # fmt: skip


def test_what_is_on_the_topics_is_as_the_contract_says(running):
    seen, wrong = undocumented(running.bootstrap)
    assert wrong == set()
    assert seen >= {f"tenure.{name}.v1" for name in ("receipt.issued", "record.registered", "schedule.changed")}


@pytest.mark.parametrize(("fails", "statements"), TAMPERED)
def test_what_is_tampered_with_is_found_and_nothing_else(sound, verify, fails, statements):
    sound.tampered(*statements)
    status, findings = verify()
    assert _failed(findings) == fails, {id_: findings[id_]["reason"] for id_ in _failed(findings) ^ fails}
    assert status == 1
    assert all(findings[id_]["found"] and findings[id_]["examples"] for id_ in fails)


def test_a_grant_too_many_is_found(sound, verify):
    sound.tampered()
    with psycopg.connect(_admin(sound), autocommit=True) as admin:
        admin.execute("GRANT DELETE ON retention.fact TO tenure_retention_worker")
    assert _failed(verify()[1]) == {"I15"}


def _admin(sound):
    name = os.environ["TENURE_VERIFY_DATABASE_URL"].rpartition("/")[2]
    return f"{sound.stack.admin_url.rpartition('/')[0]}/{name}"


def test_what_the_logs_tell_is_found_and_not_told_again(sound, verify):
    logs = sound.stack.paths.logs / "intake-api.log"
    for told in (
        CANARY,
        "Example Road 7",
        json.loads((sound.stack.paths.keys / "passwords.json").read_text())["postgres"],
    ):
        logs.write_text(f"one line\nand {told}\n")
        status, findings = verify("--only", "I12", "--canary", "Example Road 7")
        assert (status, findings["I12"]["found"]) == (1, 1)
        assert told not in json.dumps(findings)
    logs.unlink()
    assert verify("--only", "I12", "--canary", "Example Road 7")[0] == 0


def test_two_runs_are_compared_by_their_digest(sound, verify, capsys):
    assert main(["--state-digest", "--quiet"]) == 0
    digest = capsys.readouterr().out.strip()
    assert verify("--only", "I5", "--same-as", digest)[1]["I5"]["verdict"] == "holds"
    sound.tampered("UPDATE retention.schedule SET review_on = review_on + 1 WHERE record_key = 1")
    status, findings = verify("--only", "I5", "--same-as", digest)
    assert (status, findings["I5"]["verdict"]) == (1, "fails")


# A disposal as it should be, of the first record: executed the day after its last, checked, approved by rule.
_MADE = f"""
WITH s AS (SELECT * FROM retention.schedule JOIN retention.record USING (record_key) ORDER BY record_key LIMIT 1),
o AS (INSERT INTO retention.disposal_order (disposal_id, record_key, row_id, n, state, opened_on, execute_from,
        opened_at)
    SELECT '{NOBODY}', record_key, row_id, 1, 'executed', open_on, actionable_from, now() FROM s),
r AS (UPDATE retention.record r SET executed_by = '{NOBODY}' FROM s WHERE r.record_key = s.record_key),
m AS (UPDATE retention.schedule c SET lifecycle = 'executed' FROM s WHERE c.record_key = s.record_key)
INSERT INTO retention.disposal (disposal_id, record_key, executed_at, executed_on, sequence, proof, holds_found, log_id)
SELECT '{NOBODY}', record_key, now(), actionable_from, 1, jsonb_build_object('keep_until', keep_until, 'holds_found', 0,
    'holds_checked_at', now(), 'pack_executed', {PACK}), 0, (SELECT min(log_id) FROM retention.log) FROM s"""
_HOLD = """
INSERT INTO retention.hold (hold_id, authority, reason, owner, review_on, placed_by, placed_at, placed_on, scope,
    by_record, by_nominal, record_types) SELECT gen_random_uuid(), 'inquest', 'x', 'D-RM1', current_date, 'D-RM1',
    now() - interval '1 day', current_date, '{}', false, false, record_types FROM retention.record
    WHERE executed_by IS NOT NULL"""


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param(None, "", id="sound"),
        pytest.param(
            "UPDATE retention.disposal SET executed_on = executed_on - 1", "before their last day", id="early"
        ),
        pytest.param(
            "UPDATE retention.disposal SET proof = proof - 'holds_checked_at'",
            "without a recorded hold",
            id="unchecked",
        ),
        pytest.param(_HOLD, "under a hold", id="held"),
        pytest.param(
            "UPDATE retention.disposal_order SET review_id = gen_random_uuid()", "without a rule", id="undecided"
        ),
        pytest.param("UPDATE retention.disposal_order SET execute_from = execute_from + 7", "cooling-off", id="hot"),
    ],
)
def test_each_ground_of_a_disposal_is_judged_again(sound, verify, statement, what):
    sound.tampered(_MADE, *([statement] if statement else []))
    status, findings = verify("--only", "I8")
    assert findings["I8"]["checked"] == 1
    assert (status, what in findings["I8"]["reason"]) == (1 if statement else 0, True), findings["I8"]["reason"]


def test_a_server_that_is_missing_is_one_sentence(running, monkeypatch, capsys):
    monkeypatch.setenv("TENURE_VERIFY_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["--quiet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("TENURE_KAFKA", "127.0.0.1:1")
    assert main(["--quiet"]) == 2
    assert "127.0.0.1:1 does not answer" in capsys.readouterr().err


def test_a_tree_gives_the_roots_of_the_standard():
    tree, roots = Growing(), []
    for leaf in ("", "00", "10", "2021", "3031", "40414243"):
        tree.add(bytes.fromhex(leaf))
        roots.append(tree.root().hex())
    assert roots[0] == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert roots[1] == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert roots[5] == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"


def test_status_tells_what_was_not_read_and_what_waits(sound, monkeypatch):
    producer = Producer({"bootstrap.servers": sound.stack.bootstrap})
    for part in (0, 5):
        producer.produce("records.events.v1", b"{}", partition=part)
    assert producer.flush(20) == 0
    sound.tampered(
        "INSERT INTO retention.dirty (record_key, marked_at)"
        " SELECT min(record_key), clock_timestamp() - interval '6 minutes' FROM retention.record"
    )
    found = lag.look()
    waits = {(each.service, each.where): each for each in (*found.unread, *found.queues) if each.rows}
    assert (found.away, waits.keys() >= {("intake", "records.events.v1"), ("retention", "dirty")}) == ([], True)
    assert waits["intake", "records.events.v1"].rows == 2
    assert 0 <= waits["intake", "records.events.v1"].seconds < 60
    assert (waits["retention", "dirty"].rows, waits["retention", "dirty"].seconds >= 360) == (1, True)
    assert ("intake", "dirty") not in {(each.service, each.where) for each in found.queues}

    monkeypatch.setenv("TENURE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("TENURE_VERIFY_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    away = lag.look()
    assert (away.unread, away.queues, len(away.away)) == ([], [], 2)


def test_what_nobody_of_us_published_is_found(sound, verify):
    """Last: the topics are the same for all tests."""
    producer = Producer({"bootstrap.servers": sound.stack.bootstrap})
    producer.produce("retention.disposals.v1", b"{}", "x")
    headers = [("ce_source", b"urn:tenure:review"), ("ce_id", NOBODY.encode()), ("ce_type", b"tenure.task.changed.v1")]
    producer.produce("review.decisions.v1", CANARY, "x", headers=headers)
    headers[1] = ("ce_id", str(NOBODY).replace("0", "1").encode())
    producer.produce("review.tasks.v1", b'{"version": 1, "state": "a word\\nand a narrative"}', "x", headers=headers)
    assert producer.flush(20) == 0
    status, findings = verify()
    assert (status, _failed(findings)) == (1, {"I3", "I12"})
    assert (findings["I3"]["found"], findings["I12"]["found"]) == (4, 1)  # Of ours two have no row, one no shape.
    assert "messages that are not of their model" in " ".join(findings["I3"]["examples"])
