"""One contract for both key stores, the second against a real server: what an epoch's key is, and that it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hvac
import pytest

from shared.keys import keys_of, read_keys
from shared.keystore import Files, KeyMissing, KeyStore, KeyStoreAway
from shared.keystore.transit import Transit, TransitPlace
from shared.settings import Settings
from shared.starting import settings_of
from tests.stack import POLICY
from tests.transit import transit_engine
from tools.stack import keys as made
from tools.stack.paths import ROOT

Store = Callable[[str], KeyStore]


@pytest.fixture(scope="module")
def engine() -> Iterator[TransitPlace]:
    with transit_engine() as place:
        yield place


@pytest.fixture(params=["files", "transit"])
def store(request, tmp_path) -> Iterator[Store]:
    """Give a function from a service to its store; the engine is left as empty as it was."""
    if request.param == "files":
        yield lambda service: Files(tmp_path / service)
        return
    place = request.getfixturevalue("engine")
    yield lambda service: Transit(place, service)
    for service in ("intake", "review"):
        left = Transit(place, service)
        for epoch in left.epochs():
            left.destroy(epoch)


def test_a_key_is_the_same_for_every_process_that_asks(store: Store) -> None:
    store("intake").make(1)
    first = store("intake").key(1)
    store("intake").make(1)

    assert len(first) == 32
    assert store("intake").key(1) == first, "made again, it is left as it was"


def test_each_epoch_and_each_service_has_a_key_of_its_own(store: Store) -> None:
    for service, epoch in (("intake", 1), ("intake", 2), ("review", 1)):
        store(service).make(epoch)

    assert len({store("intake").key(1), store("intake").key(2), store("review").key(1)}) == 3
    assert (store("intake").epochs(), store("review").epochs()) == ([1, 2], [1])


def test_what_was_never_made_is_missing_and_says_which(store: Store) -> None:
    assert store("intake").epochs() == []
    with pytest.raises(KeyMissing, match="epoch-3"):
        store("intake").key(3)


def test_a_destroyed_key_is_gone_and_never_comes_back(store: Store) -> None:
    store("intake").make(1)
    store("intake").make(2)
    gone, kept = store("intake").key(1), store("intake").key(2)
    store("intake").destroy(1)
    store("intake").destroy(1)

    assert store("intake").epochs() == [2]
    with pytest.raises(KeyMissing):
        store("intake").key(1)
    assert store("intake").key(2) == kept
    store("intake").make(1)
    assert store("intake").key(1) != gone


def test_a_key_outlives_its_rotation_in_the_engine(engine: TransitPlace) -> None:
    store = Transit(engine, "review")
    store.make(7)
    before = store.key(7)
    client = hvac.Client(url=engine.url, token=engine.token_file.read_text().strip())
    client.secrets.transit.rotate_key("tenure-review-epoch-7")

    assert store.key(7) == before
    store.destroy(7)


def test_an_engine_that_refuses_or_is_not_there_is_waited_for(engine: TransitPlace, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong")
    refused = Transit(TransitPlace(engine.url, tmp_path / "token"), "intake")
    nowhere = Transit(TransitPlace("http://127.0.0.1:9", engine.token_file), "intake")
    no_token = Transit(TransitPlace(engine.url, tmp_path / "none"), "intake")
    for store in (refused, nowhere, no_token):
        with pytest.raises(KeyStoreAway, match="does not serve this") as raised:
            store.key(1)
        assert isinstance(raised.value, OSError), "a worker tries again for ever"
        assert "127.0.0.1" not in raised.value.message, "a log is no place for addresses"


def allowed(engine: TransitPlace, folder: Path, policy: str) -> Transit:
    """Give intake's store as somebody to whom only a shipped policy is granted."""
    client = hvac.Client(url=engine.url, token=engine.token_file.read_text().strip())
    client.sys.create_or_update_policy(policy, (ROOT / "deploy" / "transit" / f"{policy}.hcl").read_text())
    (folder / policy).write_text(client.auth.token.create(policies=[policy])["auth"]["client_token"])
    return Transit(TransitPlace(engine.url, folder / policy), "intake")


def test_the_shipped_policies_allow_what_is_needed_and_no_more(engine: TransitPlace, tmp_path: Path) -> None:
    worker, reader = (allowed(engine, tmp_path, policy) for policy in ("worker", "reader"))
    worker.make(1)
    assert reader.key(1) == worker.key(1)
    assert reader.epochs() == [1]
    for refused in (reader.make, reader.destroy):
        with pytest.raises(KeyStoreAway, match="Forbidden"):
            refused(1)
    with pytest.raises(KeyStoreAway, match="Forbidden"):
        Transit(TransitPlace(engine.url, tmp_path / "worker"), "review").key(1)
    worker.destroy(1)
    assert worker.epochs() == []


def settings(folder: Path, place: TransitPlace) -> Settings:
    told = {"key_store": "transit", "transit_url": place.url, "transit_token_file": place.token_file}
    return Settings(keys=folder, **told)


def test_a_service_reads_its_epochs_from_the_store_that_its_settings_name(engine: TransitPlace, tmp_path: Path) -> None:
    made.make(tmp_path)
    with pytest.raises(KeyMissing, match="bao write -f transit/keys/tenure-intake-epoch-1"):
        keys_of(settings(tmp_path, engine), "intake")
    Transit(engine, "intake").make(1)
    Transit(engine, "intake").make(2)
    held = keys_of(settings(tmp_path, engine), "intake")

    assert (held.epoch, sorted(held.epochs)) == (2, [1, 2])
    assert held.mac(b"x") == read_keys(tmp_path, "intake").mac(b"x"), "the other keys are files all the same"
    for epoch in (1, 2):
        Transit(engine, "intake").destroy(epoch)


def test_a_store_that_cannot_be_used_ends_the_start_with_a_sentence(monkeypatch, tmp_path, engine) -> None:
    made.make(tmp_path)
    url = "postgresql+asyncpg://tenure:secret@127.0.0.1:5432/tenure"
    told = {"KEYS": tmp_path, "POLICY": POLICY, "INTAKE_DATABASE_URL": url, "KEY_STORE": "transit"}
    for name, value in told.items():
        monkeypatch.setenv(f"TENURE_{name}", str(value))
    with pytest.raises(SystemExit, match="set both"):
        settings_of("intake", "api")
    monkeypatch.setenv("TENURE_TRANSIT_URL", engine.url)
    monkeypatch.setenv("TENURE_TRANSIT_TOKEN_FILE", str(engine.token_file))
    with pytest.raises(SystemExit, match=r"TENURE_KEY_STORE names a store that cannot be used: .*epoch-1"):
        settings_of("intake", "api")
