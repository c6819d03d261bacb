"""What each process of the stack is told, as environment variables."""

import os
from collections.abc import Mapping
from urllib.parse import quote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tools.stack import issuer
from tools.stack.errors import StackError
from tools.stack.keys import SERVICES, passwords
from tools.stack.paths import ROOT, Paths

_PATHS = ("TENURE_POLICY", "TENURE_KEYS", "TENURE_JWKS_FILE")


def from_user() -> dict[str, str]:
    """Give the settings that the user set; they win over the stack's. Relative paths start where the user is."""
    given = {name: value for name, value in os.environ.items() if name.startswith("TENURE_") and value}
    for name in _PATHS:
        if name in given:
            given[name] = os.path.abspath(given[name])
    if "TENURE_DATABASE_URL" in given:
        _check(given["TENURE_DATABASE_URL"])
    return given


def _check(url: str) -> None:
    """Refuse what the tools could not work with; never quotes it, for it holds a password."""
    try:
        complete = url.startswith("postgresql://") and "dbname" in conninfo_to_dict(url)
    except ProgrammingError:
        complete = False
    if not complete:
        raise StackError("TENURE_DATABASE_URL is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE.")


def common(paths: Paths) -> dict[str, str]:
    """Give what all processes are told alike, before what the user set."""
    return {
        "TENURE_POLICY": str(ROOT / "policy" / "demonstration.toml"),
        "TENURE_KEYS": str(paths.keys),
        "TENURE_JWKS_FILE": str(paths.keys / "jwks.json"),
        "TENURE_ISSUER": issuer.ISSUER,
        "TENURE_AUDIENCE": issuer.AUDIENCE,
        "TENURE_CLOCK": "rehearsal",
        "TENURE_ENV": "local",
        "TENURE_HOST": "127.0.0.1",
    }


def role_url(admin_url: str, role: str, paths: Paths, driver: str = "postgresql+asyncpg") -> str:
    """Give a role's URL of the database that the administrator's URL names."""
    found = conninfo_to_dict(admin_url)
    secret = quote(passwords(paths.keys)[role], safe="")
    return f"{driver}://{role}:{secret}@{found.get('host', '127.0.0.1')}:{found.get('port', 5432)}/{found['dbname']}"


def of_service(service: str, kind: str, port: int, admin_url: str, paths: Paths) -> dict[str, str]:
    """Give what one process alone is told: its database role and its port."""
    url = role_url(admin_url, f"tenure_{service}_{kind}", paths)
    own_port = "TENURE_PORT" if kind == "api" else "TENURE_HEALTH_PORT"
    return {f"TENURE_{service.upper()}_DATABASE_URL": url, own_port: str(port), "TENURE_SLOT": "0"}


def without_others_secrets(settings: Mapping[str, str], service: str) -> dict[str, str]:
    """Leave out the administrator's and the other services' database URLs."""
    own = f"TENURE_{service.upper()}_DATABASE_URL"
    return {name: value for name, value in settings.items() if name == own or not name.endswith("DATABASE_URL")}


def of_tools(admin_url: str, bootstrap: str, ports: Mapping[str, int], paths: Paths) -> dict[str, str]:
    """Give what the command's own tools are told: where everything is, and how to read the raw tables."""
    urls = {f"TENURE_{name.upper()}_URL": f"http://127.0.0.1:{ports[f'{name}-api']}" for name in SERVICES}
    databases = {"TENURE_DATABASE_URL": admin_url, "TENURE_KAFKA": bootstrap}
    databases["TENURE_VERIFY_DATABASE_URL"] = role_url(admin_url, "tenure_verify", paths, "postgresql")
    return {**common(paths), **urls, **databases}
