"""I15: topics and database grants are as declared, and every live key's epoch is there."""

import os
from pathlib import Path

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
SELECT c.relname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type
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
    tally.looked(len(topics.TOPICS))
    for sentence in drift:
        tally.fail("topics not as declared", sentence)


def _roles(schema: Schema, tally: Tally) -> None:
    for name, *powers in schema.rows(_ROLES):
        tally.looked()
        if any(powers):
            tally.fail("roles with more power than a service's", name)


def _grants(schema: Schema, tally: Tally) -> None:
    service = schema.service
    ours = {f"tenure_{service}_api", f"tenure_{service}_worker"}
    for table, role, privilege in schema.rows(_GRANTS, [service]):
        tally.looked()
        grant = f"{role} {privilege} on {service}.{table}"
        if role == "tenure_verify":
            if privilege != "SELECT":
                tally.fail("grants beyond the declared", grant)
        elif role not in ours or privilege in ("TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"):
            tally.fail("grants beyond the declared", grant)
        elif privilege in ("UPDATE", "DELETE") and table.startswith(_closed(service)):
            tally.fail("grants beyond the declared", grant)
        elif privilege == "DELETE" and table.startswith(NEVER_DELETED):
            tally.fail("grants beyond the declared", grant)


def _closed(service: str) -> tuple[str, ...]:
    return APPEND_ONLY[service]


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
