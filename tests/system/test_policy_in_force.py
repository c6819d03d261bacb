"""The whole system runs; a pack is stored beside it, and everything goes by it from its first day, with no restart."""

import json
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from shared.policy import read_pack
from tests import stack
from tests.system import counting
from tools.stack.migrate import store

SECONDS_MAX = 60
PROCESSES = [f"{service}-{kind}" for service in ("intake", "retention", "review") for kind in ("api", "worker")]


@pytest.fixture(scope="module")
def estate():
    with stack.private_stack() as started:
        yield started


def packs(estate) -> dict[str, str]:
    """Ask each of the six which pack it goes by."""
    found = {}
    for name in PROCESSES:
        try:
            with urlopen(f"http://127.0.0.1:{estate.ports[name]}/readyz", timeout=5) as answer:
                said = json.load(answer)
        except URLError:
            said = {}
        found[name] = said.get("pack") or said.get("pack_in_force")
    return found


def test_a_stored_pack_reaches_all_six_processes(estate, tmp_path):
    before = read_pack(stack.POLICY.read_bytes(), stack.POLICY.name)
    wait(estate, before.hash)

    path = tmp_path / "pack.toml"
    path.write_text(stack.POLICY.read_text().replace("effective_on = 2020-02-01", "effective_on = 2020-03-01", 1))
    store(estate.admin_url, path)

    wait(estate, read_pack(path.read_bytes(), path.name).hash)


def wait(estate, pack: str) -> None:
    counting.wait_for(lambda: set(packs(estate).values()) == {pack}, SECONDS_MAX, lambda: f"not yet: {packs(estate)}")
