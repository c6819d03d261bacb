"""The local stack's own token issuer: one made-up person per role, signed with a key that only this stack trusts."""

import difflib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tools.stack import keys
from tools.stack.errors import StackError
from tools.stack.paths import LOCAL

TOKEN_HOURS = 12
ISSUER = "urn:tenure:local"
AUDIENCE = "tenure"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A made-up member of staff, or an upstream system by its principal."""

    role: str
    staff_id: str | None = None
    principal: str | None = None

    @property
    def subject(self) -> str:
        """Give the token's subject."""
        return self.staff_id or self.principal or self.role


PEOPLE = (
    DemoPerson("upstream", principal="publisher"),
    DemoPerson("data_steward", "D-DS1"),
    DemoPerson("reviewing_officer", "D-RO1"),
    DemoPerson("reviewing_officer", "D-RO2"),
    DemoPerson("records_manager", "D-RM1"),
    DemoPerson("head_of_information_management", "D-HIM1"),
    DemoPerson("head_of_information_management", "D-HIM2"),
    DemoPerson("information_asset_owner", "D-IAO1"),
    DemoPerson("data_protection_officer", "D-DPO1"),
    DemoPerson("disclosure_officer", "D-DO1"),
    DemoPerson("legal_services", "D-LS1"),
    DemoPerson("officer_in_the_case", "D-OIC1"),
    DemoPerson("force_crime_registrar", "D-FCR1"),
    DemoPerson("offender_manager", "D-OM1"),
    DemoPerson("exhibits_officer", "D-EO1"),
    DemoPerson("archivist", "D-AR1"),
    DemoPerson("professional_standards", "D-PS1"),
    DemoPerson("auditor", "D-AU1"),
    DemoPerson("compliance_dashboard", "D-CD1"),
)


def person(name: str) -> DemoPerson:
    """Find a demo person by role, staff id or principal; an unknown name is answered with the nearest."""
    for each in PEOPLE:
        if name in (each.role, each.staff_id, each.principal):
            return each
    names = sorted({each.role for each in PEOPLE} | {each.subject for each in PEOPLE})
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.6) or names
    raise StackError(f"Nobody here has the role or staff id {name!r}; did you mean {', '.join(nearest)}?")


def token(name: str, folder: Path = LOCAL.keys) -> str:
    """Give a bearer token of a demo person, good for twelve hours; refused in production."""
    if os.environ.get("TENURE_ENV") == "production":
        raise StackError("The local issuer does not work under TENURE_ENV=production; ask your own issuer for a token.")
    who = person(name)
    path = folder / "issuer.key"
    if not path.exists():
        raise StackError("There is no issuer's key here yet; `./tenure up` makes it.")
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), "keys.make made it"
    return jwt.encode(_claims(who), key, algorithm="EdDSA", headers={"kid": keys.public_jwk(key)["kid"]})


def _claims(who: DemoPerson) -> dict[str, Any]:
    issued = int(time.time())
    claims = {
        "iss": os.environ.get("TENURE_ISSUER", ISSUER),
        "aud": os.environ.get("TENURE_AUDIENCE", AUDIENCE),
        "sub": who.subject,
        "roles": [who.role],
        "iat": issued,
        "nbf": issued,
        "exp": issued + TOKEN_HOURS * 3600,
        "staff_id": who.staff_id,
        "principal": who.principal,
    }
    return {name: value for name, value in claims.items() if value is not None}
