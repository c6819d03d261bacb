"""Roles, schemas and tables: brings a database to where this version of the services needs it.

`python -m tools.stack.migrate`, with TENURE_DATABASE_URL of an administrator and TENURE_KEYS.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from shared.policy import BadPack, read_pack
from tools.stack.errors import StackError
from tools.stack.keys import ROLES, SERVICES, passwords
from tools.stack.paths import ROOT

_FIRST_DAY = """
SELECT effective_on FROM retention.in_force JOIN retention.policy USING (pack_hash) ORDER BY turn DESC LIMIT 1"""
_TURN = 0x74656E757265  # One migration at a time: an advisory lock on the server.


def migrate(admin_url: str, secrets: Mapping[str, str], policy: Path | None) -> None:
    """Make or bring up to date roles, schemas and tables, and store the pack; safe to repeat.

    A pack that cannot be read, or is another text of one in force, stops it before anything is changed.
    """
    pack = None if policy is None else pack_at(policy)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_TURN])
        if pack is not None:
            _refuse_altered(admin, *pack)
        _make_roles(admin, secrets)
        for service in SERVICES:
            _make_schema(admin, service)
            _upgrade(admin_url, service)
            if pack is not None:
                _store_pack(admin, service, *pack)


def store(admin_url: str, policy: Path) -> date:
    """Store a pack beside services that run: they go by it from its first day, which is given, on."""
    digest, content, effective_on = pack_at(policy)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_TURN])
        _refuse_altered(admin, digest, content, effective_on)
        found = admin.execute(_FIRST_DAY).fetchone()
        if found is not None and effective_on <= found[0]:
            raise StackError(
                f"The pack in force counts from {found[0]}, so one that counts from {effective_on} would never replace "
                "it; nothing was stored. Give it a later `effective_on`."
            )
        for service in SERVICES:
            _store_pack(admin, service, digest, content, effective_on)
    return effective_on


def create_database(server_url: str, name: str, template: str = "template0") -> None:
    """Create a database unless it is there."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
            admin.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))


def pack_at(path: Path) -> tuple[str, str, date]:
    """Read a pack: its hash, text and first day; one with mistakes is refused with each one's line and mend."""
    try:
        content = path.read_bytes()
        pack = read_pack(content, str(path))
    except FileNotFoundError:
        raise StackError(f"There is no policy pack at {path}; set TENURE_POLICY to one.") from None
    except OSError as error:
        raise StackError(f"The policy pack at {path} cannot be read ({error.strerror}); set TENURE_POLICY.") from None
    except BadPack as error:
        raise StackError(f"The policy pack cannot be used; nothing was changed.\n{error}") from None
    return pack.hash, content.decode(), pack.effective_on


def _make_roles(admin: psycopg.Connection, secrets: Mapping[str, str]) -> None:
    for role in ROLES:
        name = sql.Identifier(role)
        if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(secrets[role])))
        if role != "tenure_verify":
            schema = sql.Identifier(role.split("_")[1])
            admin.execute(sql.SQL("ALTER ROLE {} SET search_path = {}").format(name, schema))


def _make_schema(admin: psycopg.Connection, service: str) -> None:
    names = {name: sql.Identifier(f"tenure_{service}_{name}") for name in ("owner", "api", "worker")}
    names |= {"schema": sql.Identifier(service), "verify": sql.Identifier("tenure_verify")}
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
        "GRANT USAGE ON SCHEMA {schema} TO {api}, {worker}, {verify}",
        # Partitions that come later are read by the verifier too.
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {verify}",
    ):
        admin.execute(sql.SQL(statement).format(**names))


def _upgrade(admin_url: str, service: str) -> None:
    config = Config(str(ROOT / "alembic.ini"), ini_section=service)
    url = admin_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.begin() as connection:
        connection.execute(text(f'SET LOCAL ROLE "tenure_{service}_owner"'))
        connection.execute(text(f'SET LOCAL search_path = "{service}"'))
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_altered(admin: psycopg.Connection, digest: str, content: str, effective_on: date) -> None:
    """Refuse another text of a pack in force: every schedule cites what it was dated by, and must go on meaning it."""
    if effective_on > datetime.now(UTC).date():
        return
    id_ = _id_of(content)
    for service in SERVICES:
        if admin.execute("SELECT to_regclass(%s)", [f"{service}.policy"]).fetchone() == (None,):
            continue
        query = sql.SQL("SELECT pack_hash, text FROM {}.policy WHERE effective_on = %s").format(sql.Identifier(service))
        stored: dict[str, str] = dict(admin.execute(query, [effective_on]).fetchall())
        if digest not in stored and id_ in map(_id_of, stored.values()):
            raise StackError(
                f"The policy pack {id_} of {effective_on} is in force already, and this is another text of it; "
                "a pack in force is never altered. Give this one another `id` or a later `effective_on`."
            )


def _id_of(content: str) -> str:
    return str(tomllib.loads(content)["pack"]["id"])


def _store_pack(admin: psycopg.Connection, service: str, digest: str, content: str, effective_on: date) -> None:
    admin.execute(
        sql.SQL("INSERT INTO {}.policy VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING").format(sql.Identifier(service)),
        [digest, content, effective_on, datetime.now(UTC)],
    )


def main() -> int:
    """Migrate the database that the settings name; says a refusal in one sentence."""
    try:
        policy = Path(os.environ.get("TENURE_POLICY", ROOT / "policy" / "demonstration.toml"))
        migrate(os.environ["TENURE_DATABASE_URL"], passwords(Path(os.environ["TENURE_KEYS"])), policy)
    except KeyError as error:
        print(f"migrate: set {error.args[0]}", file=sys.stderr)
    except (StackError, psycopg.OperationalError) as error:
        print(f"migrate: {error}", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
