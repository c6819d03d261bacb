"""I15's part about key epochs finds each thing that should not be, and nothing where all is well."""

import secrets

import psycopg
import pytest

from tests import stack
from tools.stack import keys
from tools.verify.checks import epochs
from tools.verify.findings import Tally
from tools.verify.tables import Schema

SEALED = "INSERT INTO body VALUES (1, NULL, '', ''); INSERT INTO body_key VALUES (1, 1, '')"
ENDED = """UPDATE epoch SET end_proposed_by = 'D-HIM1', ended_by = 'D-HIM2', ended_at = now(), destroyed_at = {}
    WHERE epoch = 1"""
SECOND = "SELECT open_epoch(2, now()) FROM (VALUES (1)) u"
ASKED = "INSERT INTO epoch (epoch, asked_by, asked_at) VALUES (2, 'D-HIM1', now())"
ONE_PERSON = "UPDATE epoch SET end_proposed_by = NULL"
MOVED = "SELECT rewrap_keys(1, 2, ARRAY[1::bigint], ARRAY[''::bytea])"


@pytest.fixture(scope="module")
def own(database):
    server = database[0].rpartition("/")[0]
    name = f"epochs_{secrets.token_hex(6)}"
    stack.clone(f"{server}/postgres", name)
    return f"{server}/{name}"


@pytest.fixture
def found(own, tmp_path, monkeypatch):
    """Give a function: what the check finds after these statements, and after these epochs' keys came or went."""
    keys.make(tmp_path)
    monkeypatch.setenv("TENURE_KEYS", str(tmp_path))

    def find(*statements, come=(), gone=()):
        for epoch in come:
            (tmp_path / "intake" / f"epoch-{epoch}.key").write_bytes(b"k" * 32)
        for epoch in gone:
            (tmp_path / "intake" / f"epoch-{epoch}.key").unlink()
        tally = Tally()
        with psycopg.connect(own) as connection:
            connection.execute("SET search_path = intake")
            for statement in statements:
                connection.execute(statement.encode())
            epochs.check(Schema("intake", connection), tally)
            connection.rollback()
        return tally

    return find


def whats(tally):
    return set(tally.wrong)


def test_what_is_well_is_found_well(found):
    assert not whats(found(SEALED))
    assert not whats(found(SEALED, ASKED, SECOND, MOVED, ENDED.format("now()"), come=[2], gone=[1]))


@pytest.mark.parametrize(
    ("statements", "come", "gone", "what"),
    [
        ([SEALED, ASKED, SECOND, ENDED.format("NULL")], [2], [], "live keys under an epoch that is not open"),
        ([SEALED, ASKED, SECOND, ENDED.format("NULL")], [2], [], "bodies that no key of an open epoch opens"),
        ([SEALED, "DELETE FROM body_key"], [], [], "bodies that no key of an open epoch opens"),
        ([ASKED, SECOND, ENDED.format("now()")], [2], [], "keys of ended epochs that are there"),
        ([ASKED, SECOND], [], [], "open epochs without their key"),
        ([ASKED, SECOND, ENDED.format("NULL"), ONE_PERSON], [2], [], "epochs not ended by two people"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_that_should_not_be_is_found(found, statements, come, gone, what):
    assert what in whats(found(*statements, come=come, gone=gone))


def test_keys_in_a_transit_engine_are_said_not_to_be_looked_for(found, monkeypatch):
    monkeypatch.setenv("TENURE_KEY_STORE", "transit")
    tally = found(ASKED, SECOND)
    assert not whats(tally)
    assert any("transit" in note for note in tally.notes)
