"""Make the files that docker-compose.yml mounts: passwords, database URLs, the token issuer's public keys."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from tools.acls import ADMINISTRATOR, USERS
from tools.stack import keys
from tools.stack.paths import LOCAL

FOLDER = LOCAL.home / "containers"  # As docker-compose.yml names it.
DATABASE = "postgres:5432/tenure"
# Compose mounts a file as it is, and each image has a user of its own: so each file may be read by all, while nobody
# else on this machine can enter their folder.
_FILE_MODE, _FOLDER_MODE = 0o444, 0o700


def make(folder: Path, issuer: Path = LOCAL.keys) -> list[str]:
    """Make what is missing, and name it; what is there is never changed, for servers have taken it over."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    before = set(folder.iterdir())
    issuer.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    keys.make_issuer(issuer)  # The local stack's: `./tenure token` then works for both.
    keys.write_once(folder / "jwks.json", (issuer / "jwks.json").read_bytes())
    for name, content in _contents(keys.passwords(folder)):
        keys.write_once(folder / name, content.encode())
    for path in folder.iterdir():
        path.chmod(_FILE_MODE)
    return sorted(path.name for path in set(folder.iterdir()) - before)


def _contents(passwords: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "postgres_password", passwords["postgres"]
    yield "database_url", f"postgresql://postgres:{passwords['postgres']}@{DATABASE}"
    yield "verify_database_url", f"postgresql://tenure_verify:{passwords['tenure_verify']}@{DATABASE}"
    for service in keys.SERVICES:
        for kind in ("api", "worker"):
            role = f"tenure_{service}_{kind}"
            yield f"{service}_{kind}_database_url", f"postgresql+asyncpg://{role}:{passwords[role]}@{DATABASE}"
    for user in (ADMINISTRATOR, *USERS):
        yield f"kafka_{user}", secrets.token_urlsafe(24)
