"""The one-shot job before the services start: keys, schemas, roles, topics, Kafka's users and their rules.

`python -m tools.containers.migrate`, as administrator of both servers; safe to repeat, and what is there is kept.
"""

import json
import sys
import time
from pathlib import Path

import psycopg
from pydantic import Field, SecretStr, ValidationError

from shared.clock import monotonic
from shared.settings import Settings
from shared.starting import misshapen
from tools import acls, topics
from tools.stack import keys
from tools.stack.errors import StackError
from tools.stack.migrate import migrate

SERVERS_SECONDS_MAX = 60
RETRY_SECONDS = 1.0


class JobSettings(Settings):
    """What the job is told beside the services' settings."""

    admin_url: SecretStr = Field(
        validation_alias="TENURE_DATABASE_URL", description="the administrator's URL of the database, postgresql://..."
    )
    public_keys: Path = Field(default=Path("/keys/public"), description="folder for the ledgers' public keys")


def make_keys(folder: Path, public: Path) -> None:
    """Make each service's keys in a folder of its own, which no other service sees; the ledgers' public halves apart.

    The key that bodies are told apart by is one for all three, so it is copied. Nothing else ever is: a key of an
    epoch that ends must end everywhere.
    """
    mac = keys.make_mac(folder / keys.SERVICES[0])
    for service in keys.SERVICES:
        own = folder / service
        keys.write_once(own / "mac.key", mac)
        keys.make_own(own, service)
        name = f"ledger-{service}.pub"
        for reader in (public, folder / "retention"):  # The verifier; and who checks the others' signed answers.
            keys.write_once(reader / name, (own / name).read_bytes())


def passwords_of(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Read the passwords of the database's roles, and those of Kafka's users."""
    roles: dict[str, str] = json.loads((folder / "database_passwords").read_bytes())
    return roles, {user: (folder / f"kafka_{user}").read_text().strip() for user in acls.USERS}


def run(settings: JobSettings) -> list[str]:
    """Bring everything to where this version needs it; returns the drift that a person must look at."""
    if settings.secrets is None:
        raise StackError("TENURE_SECRETS is not set; it names the folder of passwords, /run/secrets in a container.")
    roles, users = passwords_of(settings.secrets)
    make_keys(settings.keys, settings.public_keys)
    print("every service has its keys")
    _wait_for_kafka(settings.kafka)
    migrate(settings.admin_url.get_secret_value(), roles, settings.policy)
    print("the database has its roles, schemas and tables")
    return topics.apply(settings.kafka) + acls.apply(settings.kafka, users)


def _wait_for_kafka(bootstrap: str) -> None:
    """Wait until Kafka knows its administrator: its port is open a moment before."""
    until = monotonic() + SERVERS_SECONDS_MAX
    while True:
        try:
            with topics.admin(bootstrap) as client:
                client.list_topics()
            return
        except topics.BrokerMissing:
            if monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)


def main() -> int:
    """Run the job; says a refusal in one sentence."""
    if faults := misshapen():
        print("\n".join(faults), file=sys.stderr)
        return 1
    try:
        drift = run(JobSettings())
    except ValidationError:
        print("migrate: TENURE_DATABASE_URL is not set; set it to the administrator's URL.", file=sys.stderr)
        return 1
    except (StackError, topics.BrokerMissing, psycopg.OperationalError, FileNotFoundError) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    for sentence in drift:
        print(f"drift: {sentence}")
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
