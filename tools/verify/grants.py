"""Who may do what in the database: what was granted, by whichever way, and what is declared in `grants.toml`.

`python -m tools.verify.grants` prints what was granted as that file says it, to be read and declared after a change.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tools.verify.tables import SERVICES, Schema, snapshot

DECLARED = Path(__file__).with_name("grants.toml")


class Grant(NamedTuple):
    """One thing that one role may do with one object; roles of the service by their short names."""

    what: str
    who: str
    may: str

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.who}: {self.may} on {self.what}"


# A partition's privileges are told as its table's: it may have fewer, never another.
_GRANTED = """
WITH here AS (SELECT oid, nspname, nspacl, nspowner FROM pg_namespace WHERE nspname = %(schema)s),
relation AS (
    SELECT c.oid, relacl, relowner, relispartition AS part, CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END
        || trim('"' FROM coalesce(pg_partition_root(c.oid), c.oid)::regclass::text) AS what
    FROM here JOIN pg_class c ON c.relnamespace = here.oid AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f')),
granted AS (
    SELECT 'schema' AS what, a.grantee, a.privilege_type AS may, nspowner AS owner, a.is_grantable, false AS part
    FROM here, aclexplode(nspacl) a
    UNION ALL SELECT what, a.grantee, a.privilege_type, relowner, a.is_grantable, part
    FROM relation, aclexplode(relacl) a
    UNION ALL SELECT what, a.grantee, format('%%s(%%s)', a.privilege_type, t.attname), relowner, a.is_grantable, part
    FROM relation JOIN pg_attribute t ON t.attrelid = relation.oid, aclexplode(t.attacl) a
    UNION ALL SELECT 'function ' || p.proname, a.grantee, a.privilege_type, p.proowner, a.is_grantable, false
    FROM here JOIN pg_proc p ON p.pronamespace = here.oid, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    UNION ALL SELECT format('new %%s of %%s', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
        WHEN 'f' THEN 'functions' ELSE d.defaclobjtype::text END, d.defaclrole::regrole),
        a.grantee, a.privilege_type, d.defaclrole, a.is_grantable, false
    FROM pg_default_acl d LEFT JOIN here ON here.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
    WHERE here.oid IS NOT NULL OR (d.defaclnamespace = 0 AND d.defaclrole::regrole::text LIKE %(roles)s))
SELECT what, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    may || CASE WHEN is_grantable THEN ' and grant it' ELSE '' END, part
FROM granted WHERE grantee <> owner
UNION ALL SELECT what, relowner::regrole::text, 'own', part FROM relation
UNION ALL SELECT 'schema', nspowner::regrole::text, 'own', false FROM here
UNION ALL SELECT 'function ' || p.proname, p.proowner::regrole::text, 'own', false
FROM here JOIN pg_proc p ON p.pronamespace = here.oid"""
# Whoever can make roles may always give itself one: only what a plain role was given counts.
_ROLES = """
WITH ours AS (SELECT * FROM pg_roles WHERE rolname LIKE %(roles)s OR rolname = 'tenure_verify')
SELECT 'server', rolname::text, power, false FROM ours, LATERAL (VALUES (rolsuper, 'SUPERUSER'),
    (rolbypassrls, 'BYPASSRLS'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
    (rolreplication, 'REPLICATION')) AS has(it, power) WHERE it
UNION ALL SELECT 'role ' || m.roleid::regrole, r.rolname::text, 'be', false
FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
WHERE (r.oid IN (SELECT oid FROM ours) OR m.roleid IN (SELECT oid FROM ours))
    AND NOT r.rolsuper AND (r.oid IN (SELECT oid FROM ours) OR NOT r.rolcreaterole)
UNION ALL SELECT 'database', ours.rolname::text, a.privilege_type, false
FROM pg_database d, aclexplode(d.datacl) a JOIN ours ON ours.oid = a.grantee WHERE d.datname = current_database()
UNION ALL SELECT 'setting ' || p.parname, ours.rolname::text, a.privilege_type, false
FROM pg_parameter_acl p, aclexplode(p.paracl) a JOIN ours ON ours.oid = a.grantee"""


def granted(schema: Schema) -> tuple[set[Grant], set[Grant]]:
    """Read what was granted in one service's schema and to its roles: all of it, and what was not on a partition."""
    prefix = f"tenure_{schema.service}_"
    given = {"schema": schema.service, "roles": prefix.replace("_", "\\_") + "%"}
    every, whole = set(), set()
    for what, who, may, on_partition in schema.rows(_GRANTED, given) + schema.rows(_ROLES, given):
        short = who.removeprefix(prefix) if who != "tenure_verify" else "verify"
        grant = Grant(what.replace(prefix, ""), short, may)
        every.add(grant)
        if not on_partition:
            whole.add(grant)
    return every, whole


def declared(service: str) -> set[Grant]:
    """Read what is declared for one service; its owner owns everything that is there."""
    objects = tomllib.loads(DECLARED.read_text())[service]
    owned = {Grant(what, "owner", "own") for what in objects if not what.startswith("new ")}
    return owned | {
        Grant(what, who, each) for what, roles in objects.items() for who, may in roles.items() for each in may.split()
    }


def written(grants: Iterable[Grant]) -> list[str]:
    """Write grants as the lines that declare them."""
    by: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for grant in grants:
        roles = by[grant.what]
        if grant[1:] != ("owner", "own"):
            roles[grant.who].add(grant.may)
    lines = []
    for what, roles in sorted(by.items()):
        told = ", ".join(f'{who} = "{" ".join(sorted(may))}"' for who, may in sorted(roles.items()))
        lines.append(f'"{what}" = {{ {told} }}' if told else f'"{what}" = {{}}')
    return lines


def main() -> int:
    """Print what was granted, as the file that declares it."""
    print("# What each database role may do, and no more: `./tenure verify` compares (I15), a test keeps it complete.")
    print("# A role of the service by its short name; everything is owned by `owner`. Written by")
    print("# `python -m tools.verify.grants` on a database that was just migrated: read every line that changes.")
    with snapshot() as schemas:
        for service in SERVICES:
            print(f"\n[{service}]\n" + "\n".join(written(granted(schemas[service])[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
