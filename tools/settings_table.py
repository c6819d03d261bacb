"""Every setting in one table: writes docs/settings.md, and says with `--check` where it differs."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import Settings
from shared.starting import PREFIX, shape_of
from tools.stack.paths import ROOT

PAGE = ROOT / "docs" / "settings.md"
APIS, WORKERS, ALL = "the three `api`", "the three `worker`", "all six"

# Who goes by a setting, where it is not all six processes.
_READ_BY = {
    **dict.fromkeys(("kafka", "kafka_user", "kafka_password", "kafka_ca_file", "health_port", "crash_point"), WORKERS),
    **dict.fromkeys(("jwks_file", "issuer", "audience", "clock", "port"), APIS),
    **{f"{service}_database_url": f"{service}'s two" for service in ("intake", "retention", "review")},
    "slot": WORKERS + ", and intake's `api` for its accounts",
    **dict.fromkeys(("backload_live_rows_max", "backload_live_ms_max", "backload_share_percent"), "intake's `worker`"),
    "env": "review's `api`, `./tenure token`",
}

_HEAD = """# Settings

Each is an environment variable. A process reads them once, at its start, and checks type and range: a bad one ends it
with a sentence that names the variable and the mend, and never shows the value. Paths are relative to the folder of the
process. The local stack (`./tenure up`) sets what its processes need; what is set where it is started wins.

This page is written by `python -m tools.settings_table`; `./tenure check` fails where it differs from the code.

## Of the services

| name | type and range | default | read by | meaning |
|---|---|---|---|---|
"""
_TOOLS_HEAD = """
Traces are told over OTLP where OpenTelemetry's own `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and to nobody where it is not.

## Of the command and its tools

| name | type and range | default | read by | meaning |
|---|---|---|---|---|
"""


class ToolSetting(NamedTuple):
    """A setting that no service reads."""

    name: str
    shape: str
    default: str
    read_by: str
    meaning: str


TOOL_SETTINGS = (
    ToolSetting(
        "TENURE_PYTHON",
        "a program's path",
        "the distribution's own from 3.11 on, else the one it was called with",
        "`./tenure` itself",
        "the Python of its environment",
    ),
    ToolSetting(
        "TENURE_DATABASE_URL",
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        "the stack's own server",
        "`up`, the migrations, the containers' migrate job",
        "an administrator's database: then `up` starts none",
    ),
    ToolSetting(
        "TENURE_VERIFY_DATABASE_URL",
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        "the stack's, as `tenure_verify`",
        "`verify`, `status`",
        "where the raw tables are read",
    ),
    *(
        ToolSetting(
            f"TENURE_{service.upper()}_URL",
            "http://HOST:PORT",
            "the stack's",
            "`clock`, `explain`",
            f"where {service}'s API answers",
        )
        for service in ("intake", "retention", "review")
    ),
    ToolSetting(
        "TENURE_BROKER",
        "`kafka`, `embedded`, or unset",
        "Apache Kafka where Java and Maven are, else the embedded one",
        "`up`, `demo`",
        "which broker the local stack starts",
    ),
    ToolSetting(
        "TENURE_PUBLIC_KEYS",
        "a folder",
        "none",
        "the containers' migrate job",
        "where the ledgers' public keys are put",
    ),
    ToolSetting(
        "TENURE_REQUIRE", "`kafka`, or unset", "unset", "`test`", "tests that lack their server fail, not skip"
    ),
    ToolSetting(
        "TENURE_TEST_SERVERS",
        "`local`, `containers`, or unset",
        "containers where an engine answers and has their images, else local",
        "`test`",
        "where the servers that tests share come from",
    ),
    ToolSetting(
        "TENURE_DATA", "a folder", "none", "`test`", "whole months of police-uk data, for tests that read them"
    ),
)


def page() -> str:
    """Write the whole page."""
    of_services = "".join(_row(name, field) for name, field in Settings.model_fields.items())
    of_tools = "".join(_line(*setting) for setting in TOOL_SETTINGS)
    return _HEAD + of_services + _TOOLS_HEAD + of_tools


def _row(name: str, field: FieldInfo) -> str:
    return _line(
        PREFIX + name.upper(), shape_of(field), _default(field), _READ_BY.get(name, ALL), field.description or ""
    )


def _line(name: str, shape: str, default: str, read_by: str, meaning: str) -> str:
    cells = (f"`{name}`", shape, default, read_by, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return "none" if value in (None, "") else f"`{value}`"


def faults(written: str) -> Iterator[str]:
    """Say where the page differs from the code, and which names of ours are no setting any more."""
    if unknown := sorted(set(_READ_BY) - set(Settings.model_fields)):
        yield f"tools/settings_table.py names settings that are gone: {', '.join(unknown)}; take them out."
    if written != page():
        yield "docs/settings.md is not what the code says; run `python -m tools.settings_table`."


def main(path: Path = PAGE) -> int:
    """Write the page, or with --check only compare."""
    parser = argparse.ArgumentParser(prog="python -m tools.settings_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where the page differs")
    if not parser.parse_args().check:
        path.write_text(page())
        return 0
    found = list(faults(path.read_text() if path.exists() else ""))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
