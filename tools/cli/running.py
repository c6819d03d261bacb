"""The stack that runs here, as the other commands see it."""

import json
import os
from typing import Any

from shared.settings import Settings
from tools.stack.errors import StackError
from tools.stack.keys import passwords
from tools.stack.paths import LOCAL
from tools.stack.postgres import DATABASE
from tools.stack.settings import from_user, of_tools, role_url


def described() -> dict[str, Any] | None:
    """Give what `stack.json` says; None if no stack was ever started here."""
    try:
        found: dict[str, Any] = json.loads(LOCAL.stack.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def take_settings() -> None:
    """Tell this process what the stack's tools are told; what the user set wins."""
    found = described()
    if found is None:
        return
    given = from_user()
    password = passwords(LOCAL.keys)["postgres"]
    own = f"postgresql://postgres:{password}@127.0.0.1:{found['ports']['postgres']}/{DATABASE}"
    admin = given.get("TENURE_DATABASE_URL", own)
    os.environ.update({**of_tools(admin, found["kafka"], found["ports"], LOCAL), **given})


def api_url(service: str) -> str:
    """Give the base URL of a service's API, or say how to start it."""
    take_settings()
    url = os.environ.get(f"TENURE_{service.upper()}_URL")
    if url is None:
        raise StackError("Nothing was ever started here; `./tenure up` starts it.")
    return url


def worker_url(settings: Settings, service: str) -> str:
    """Give a service's database as its worker: what the settings say, else the stack's."""
    if given := settings.database_url(service):
        return given
    admin = os.environ.get("TENURE_DATABASE_URL")
    if admin is None:
        raise StackError(f"Set TENURE_{service.upper()}_DATABASE_URL to the database as {service}'s worker.")
    return role_url(admin, f"tenure_{service}_worker", LOCAL)
