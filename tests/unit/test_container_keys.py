"""The containers' job makes each service's keys where no other service sees them."""

import pytest

from services.retention.actions.certificates import read_holders
from shared.errors import Invalid
from shared.keys import read_keys
from tools.containers.migrate import make_keys
from tools.stack.keys import SERVICES


@pytest.fixture
def folders(tmp_path):
    for name in (*SERVICES, "public"):
        (tmp_path / name).mkdir()
    make_keys(tmp_path, tmp_path / "public")
    return tmp_path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_service_reads_its_own_keys_and_no_other_services(folders):
    for service in SERVICES:
        assert read_keys(folders / service, service).epoch == 1
        for other in set(SERVICES) - {service}:
            with pytest.raises((Invalid, FileNotFoundError)):
                read_keys(folders / service, other)


def test_bodies_are_told_apart_by_one_key_and_sealed_by_three(folders):
    macs = {(folders / service / "mac.key").read_bytes() for service in SERVICES}
    epochs = {(folders / service / service / "epoch-1.key").read_bytes() for service in SERVICES}

    assert (len(macs), len(epochs)) == (1, 3)


def test_public_keys_alone_are_given_away(folders):
    assert set(contents(folders / "public")) == {f"ledger-{service}.pub" for service in SERVICES}
    assert set(read_holders(folders / "retention")) == {"intake", "review"}


def test_making_them_again_changes_none(folders):
    before = contents(folders)

    make_keys(folders, folders / "public")

    assert contents(folders) == before


def test_an_epoch_that_ended_is_not_made_again(folders):
    (folders / "intake" / "intake" / "epoch-1.key").unlink()

    make_keys(folders, folders / "public")

    assert not list((folders / "intake" / "intake").iterdir())
