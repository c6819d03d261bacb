"""I15: topics and database grants are as declared, and every live key's epoch is there."""

import os
from pathlib import Path

from shared.topics import TOPICS
from tools import topics
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.tables import SERVICES, Schema

# What is only ever added to: no role that runs may change or delete a row of these.
APPEND_ONLY = {
    "intake": ("log", "leaf", "head", "arrival", "record_state", "access", "shredding", "dead_letter"),
    "retention": ("log", "leaf", "head", "fact", "disposal", "confirmation", "certificate", "dead_letter"),
    "review": ("log", "leaf", "head", "assessment", "decision", "approval", "erasure", "dead_letter"),
}
# Bodies and their keys go through `shred` and `erase` alone.
NEVER_DELETED = ("body", "body_key")

_GRANTS = """
SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass::text,
    CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) a
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner"""
_ROLES = """
SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles
WHERE rolname LIKE 'tenure\\_%%'"""


def check(estate: Estate, tally: Tally) -> None:
    """Ask the broker, the catalogue and the keys folder."""
    _topics(tally)
    _roles(estate.intake, tally)
    for service in SERVICES:
        _grants(estate.schemas[service], tally)
        _epochs(estate.schemas[service], tally)


def _topics(tally: Tally) -> None:
    try:
        drift = topics.check(os.environ["TENURE_KAFKA"])
    except topics.BrokerMissing as error:
        raise NotCheckable(str(error)) from error
    tally.looked(len(TOPICS))
    for sentence in drift:
        tally.fail("topics not as declared", sentence)


def _roles(schema: Schema, tally: Tally) -> None:
    for name, *powers in schema.rows(_ROLES):
        tally.looked()
        if any(powers):
            tally.fail("roles with more power than a service's", name)


def _grants(schema: Schema, tally: Tally) -> None:
    service = schema.service
    for table, role, privilege in schema.rows(_GRANTS, [service]):
        tally.looked()
        if not _declared(service, table, role, privilege):
            tally.fail("grants beyond the declared", f"{role} {privilege} on {service}.{table}")


def _declared(service: str, table: str, role: str, privilege: str) -> bool:
    """Say whether a role may have this privilege: readers read, and what is only added to is only added to."""
    if role == "tenure_verify":
        return privilege == "SELECT"
    if role not in (f"tenure_{service}_api", f"tenure_{service}_worker"):
        return False
    if table in APPEND_ONLY[service]:
        return privilege in ("SELECT", "INSERT")
    return privilege in ("SELECT", "INSERT", "UPDATE") or (privilege == "DELETE" and table not in NEVER_DELETED)


def _epochs(schema: Schema, tally: Tally) -> None:
    """A live key under an epoch whose own key is gone could never be opened, and should not be there."""
    folder = Path(os.environ.get("TENURE_KEYS", ".tenure/keys")) / schema.service
    if not folder.is_dir():
        tally.note(f"{schema.service}'s key epochs were not checked: its folder is not in TENURE_KEYS")
        return
    there = {int(path.stem.removeprefix("epoch-")) for path in folder.glob("epoch-*.key")}
    for (epoch,) in schema.rows("SELECT DISTINCT epoch FROM body_key"):
        tally.looked()
        if epoch not in there:
            tally.fail("live keys under an epoch that ended", f"{schema.service} epoch {epoch}")
