"""The local issuer: its tokens are believed by the services' own check, and by nobody in production."""

import stat

import pytest

from shared.auth import ALL_ROLES, Issuer
from tools.stack import issuer, keys
from tools.stack.errors import StackError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack") / "keys"
    keys.make(folder)
    return folder


def test_there_is_a_person_for_every_role():
    assert {each.role for each in issuer.PEOPLE} == ALL_ROLES


@pytest.mark.parametrize("who", issuer.PEOPLE, ids=lambda who: who.subject)
def test_a_token_names_its_person(folder, who):
    believed = Issuer(folder / "jwks.json", issuer.ISSUER, issuer.AUDIENCE)

    person = believed.person(f"Bearer {issuer.token(who.subject, folder)}")

    assert (person.roles, person.staff_id, person.principal) == ({who.role}, who.staff_id, who.principal)


def test_an_unknown_role_is_answered_with_the_nearest(folder):
    with pytest.raises(StackError, match="did you mean records_manager"):
        issuer.token("record_manager", folder)


def test_production_gets_no_token(folder, monkeypatch):
    monkeypatch.setenv("TENURE_ENV", "production")

    with pytest.raises(StackError, match="production"):
        issuer.token("auditor", folder)


def test_keys_are_for_this_user_only_and_never_made_again(folder):
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    keys.make(folder)

    assert {path: path.read_bytes() for path in files} == files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
