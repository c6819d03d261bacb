"""Settings are checked at the start: a bad one ends the process with its name and the mend, never its value."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shared.errors import LifecycleError
from shared.keys import keys_of
from shared.keystore import KeyStoreAway
from shared.policy import BadPack, read_pack
from shared.settings import Settings

PREFIX = "TENURE_"
DRIVER = "postgresql+asyncpg"
_SERVERS = re.compile(r"[^\s:,]+:[0-9]{1,5}(,[^\s:,]+:[0-9]{1,5})*")


def settings_of(service: str, kind: str) -> Settings:
    """Read the settings of a service's `api` or `worker`; each bad one is a sentence, and the process ends."""
    if faults := misshapen():
        raise SystemExit("\n".join(faults))
    settings = Settings()
    if faults := [*_faults(settings, service, kind)]:
        raise SystemExit("\n".join(faults))
    return settings


def misshapen() -> list[str]:
    """Say of each variable of the environment that is no value of its setting what it must be."""
    try:
        Settings()
    except ValidationError as error:
        return sorted({_misshapen(each) for each in error.errors(include_url=False)})
    return []


def _misshapen(error: Mapping[str, Any]) -> str:
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")  # Ours, about several settings at once.
    name = str(error["loc"][0]).lower().removeprefix(PREFIX.lower())
    return f"{PREFIX}{name.upper()} must be {shape_of(Settings.model_fields[name])}; set it so, or leave it out."


def shape_of(field: FieldInfo) -> str:
    """Say in words what a setting's value must be: its type, and its range where it has one."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    if get_origin(field.annotation) is Literal:
        return f"one of {', '.join(map(str, kinds))}"
    kind = kinds[0] if kinds else field.annotation
    limits = {name: value for each in field.metadata for name in ("ge", "le") if (value := getattr(each, name, None))}
    if kind is int:
        return f"a whole number from {limits.get('ge', 0)} to {limits['le']}" if limits else "a whole number"
    if getattr(kind, "__origin__", kind) is Path:
        return "a folder that is there" if hasattr(kind, "__metadata__") else "a path"
    return "text, never shown" if kind is SecretStr else "text"


def _faults(settings: Settings, service: str, kind: str) -> Iterator[str]:
    name = f"{PREFIX}{service.upper()}_DATABASE_URL"
    if not _is_database(settings.database_url(service)):
        yield f"{name} is not of the form {DRIVER}://USER:PASSWORD@HOST:PORT/DATABASE; set it so."
    if kind == "worker" and not _SERVERS.fullmatch(settings.kafka):
        yield "TENURE_KAFKA must be host:port, or several with commas between; set it so."
    try:
        read_pack(settings.policy.read_bytes(), settings.policy.name)
    except OSError as error:
        yield f"TENURE_POLICY names a file that cannot be read ({error.strerror}); name a policy pack's file."
    except BadPack as error:
        yield f"TENURE_POLICY names a pack that cannot be used; mend what it says here.\n{error}"
    try:
        keys_of(settings, service)
    except KeyStoreAway as error:
        yield f"TENURE_KEY_STORE names a store that cannot be used: {error.message}"
    except LifecycleError as error:
        yield f"TENURE_KEYS names a folder that cannot be used: {error.message}"
    except (OSError, ValueError):
        yield "TENURE_KEYS names a folder with a key file that is no key; restore it from its backup."


def _is_database(url: str) -> bool:
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        return False
    return found.drivername == DRIVER and bool(found.host and found.database)
