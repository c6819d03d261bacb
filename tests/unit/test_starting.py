"""A bad setting ends a process at its start, with the variable's name and the mend, and never its value."""

import pytest

from shared.settings import Settings
from shared.starting import settings_of
from tools.stack import keys
from tools.stack.paths import ROOT

SECRET = "hunter2"
URL = f"postgresql+asyncpg://tenure_intake_worker:{SECRET}@127.0.0.1:15432/tenure"


@pytest.fixture(autouse=True)
def sound(monkeypatch, tmp_path):
    keys.make(tmp_path / "keys")
    monkeypatch.setenv("TENURE_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("TENURE_POLICY", str(ROOT / "policy" / "demonstration.toml"))
    monkeypatch.setenv("TENURE_INTAKE_DATABASE_URL", URL)


def test_sound_settings_are_given():
    assert settings_of("intake", "worker").database_url("intake") == URL


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("PORT", "80000", "must be a whole number from 0 to 65535"),
        ("PORT", "http", "must be a whole number from 0 to 65535"),
        ("SLOT", "-1", "must be a whole number from 0 to 63"),
        ("POOL_SIZE", "1", "must be a whole number from 3 to 50"),
        ("CLOCK", "fast", "must be one of real, rehearsal"),
        ("ENV", "prod", "must be one of local, test, production"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("KAFKA", "localhost", "must be host:port"),
        ("INTAKE_DATABASE_URL", "", "is not of the form postgresql+asyncpg://USER:PASSWORD@HOST:PORT/DATABASE"),
        ("INTAKE_DATABASE_URL", f"postgresql://x:{SECRET}@h/d", "is not of the form postgresql+asyncpg://"),
        ("POLICY", "no-such.toml", "names a file that cannot be read"),
        ("POLICY", str(ROOT / "README.md"), "names a pack that cannot be used"),
        ("KEYS", "no-such-folder", "names a folder that cannot be used"),
        ("KAFKA_USER", "intake", "TENURE_KAFKA_PASSWORD are set together or not at all"),
    ],
)
def test_a_bad_one_is_named_with_its_mend(monkeypatch, name, value, mend):
    monkeypatch.setenv(f"TENURE_{name}", value)
    with pytest.raises(SystemExit) as refused:
        settings_of("intake", "worker")
    said = str(refused.value.code)
    assert said.startswith(f"TENURE_{name} ")
    assert mend in said
    assert SECRET not in said


def test_every_bad_one_is_told_at_once(monkeypatch):
    monkeypatch.setenv("TENURE_PORT", "x")
    monkeypatch.setenv("TENURE_CLOCK", "x")
    with pytest.raises(SystemExit) as refused:
        settings_of("intake", "api")
    assert [line.split()[0] for line in str(refused.value.code).splitlines()] == ["TENURE_CLOCK", "TENURE_PORT"]


def test_a_file_that_is_no_key_is_told(tmp_path):
    (tmp_path / "keys" / "intake" / "epoch-1.key").write_bytes(b"short")
    with pytest.raises(SystemExit, match="TENURE_KEYS names a folder with a key file that is no key"):
        settings_of("intake", "api")


def test_an_api_asks_for_no_broker(monkeypatch):
    monkeypatch.setenv("TENURE_KAFKA", "nowhere")
    assert settings_of("intake", "api").kafka == "nowhere"


def test_an_empty_one_is_not_set(monkeypatch):
    monkeypatch.setenv("TENURE_PORT", "")
    assert settings_of("intake", "api").port == Settings.model_fields["port"].default
