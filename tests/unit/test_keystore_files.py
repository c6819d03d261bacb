"""Keys in files: made once whoever comes first, readable by nobody else, overwritten before they go."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.away import away
from shared.db import transient
from shared.errors import Invalid, Overloaded
from shared.keystore import Files, KeyMissing, KeyStoreAway


def test_of_many_that_make_one_key_at_once_all_read_the_same(tmp_path):
    def make(_):
        Files(tmp_path).make(1)
        return Files(tmp_path).key(1)

    with ThreadPoolExecutor(8) as pool:
        read = set(pool.map(make, range(32)))

    assert len(read) == 1
    assert os.listdir(tmp_path) == ["epoch-1.key"], "nothing half made is left"


def test_a_key_that_others_can_read_is_refused_with_the_mend(tmp_path):
    Files(tmp_path).make(1)
    (tmp_path / "epoch-1.key").chmod(0o640)
    with pytest.raises(Invalid, match="chmod 600"):
        Files(tmp_path).key(1)


def test_a_destroyed_key_is_not_in_what_the_file_held(tmp_path):
    Files(tmp_path).make(1)
    key = Files(tmp_path).key(1)
    with (tmp_path / "epoch-1.key").open("rb") as still_open:
        Files(tmp_path).destroy(1)
        assert len(key) == 32
        assert key not in still_open.read(), "overwritten before its name went"


def test_a_store_that_is_away_is_waited_for_and_said(tmp_path):
    with pytest.raises(KeyMissing) as raised:
        Files(tmp_path).key(4)
    assert transient(raised.value)
    assert isinstance(raised.value, Overloaded), "over HTTP it is 503 with its own sentence"
    assert "key store" in away(KeyStoreAway("x"))
