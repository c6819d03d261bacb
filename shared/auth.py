"""Who asks: bearer tokens checked against the issuer's published keys, and nothing else believed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from shared.errors import Forbidden, Overloaded, Unauthenticated

ALGORITHM = "EdDSA"
TOKEN_BYTES_MAX = 8192
KEYS_MAX = 64
LEEWAY_SECONDS_MAX = 5  # Two clocks of one force differ; a token from the next minute is still refused.

UPSTREAM = "upstream"
STAFF_ROLES = frozenset(
    {
        "data_steward",
        "reviewing_officer",
        "records_manager",
        "head_of_information_management",
        "information_asset_owner",
        "data_protection_officer",
        "disclosure_officer",
        "legal_services",
        "officer_in_the_case",
        "force_crime_registrar",
        "offender_manager",
        "exhibits_officer",
        "archivist",
        "professional_standards",
        "auditor",
        "compliance_dashboard",
    }
)
ALL_ROLES = STAFF_ROLES | {UPSTREAM}
ANYONE: frozenset[str] = frozenset({"*"})  # A route that asks for no token at all: health, metrics, the contract.

_REQUIRED = ["iss", "aud", "exp", "nbf", "sub"]
_MEND = "Ask the issuer for a new token."


@dataclass(frozen=True, slots=True)
class Person:
    """Who a token names: a member of staff, or an upstream system by its principal."""

    subject: str
    roles: frozenset[str]
    staff_id: str | None = None
    principal: str | None = None

    def decides_as(self) -> str:
        """Give the staff id under which this person decides; without one nobody decides."""
        if self.staff_id is None:
            raise Forbidden("Your token names no staff_id, so you cannot decide. " + _MEND, "no_staff_id")
        return self.staff_id


class Issuer:
    """The one issuer whose tokens are believed; its public keys are read again when their file changes."""

    def __init__(self, jwks_file: Path, issuer: str, audience: str) -> None:
        self._file = jwks_file
        self._issuer = issuer
        self._audience = audience
        self._stamp: tuple[int, int, int] | None = None
        self._keys: Mapping[str, jwt.PyJWK] = {}

    def person(self, authorization: str | None) -> Person:
        """Tell who an `Authorization` header names; anything but a valid bearer token of this issuer is refused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send a bearer token in the Authorization header.", "no_token")
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthenticated(f"The token is longer than {TOKEN_BYTES_MAX} bytes. {_MEND}", "bad_token")
        return _person(self._claims(token.strip()))

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._key(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS_MAX,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            # The library's own sentence may quote the token's claims; the class says enough.
            raise Unauthenticated(
                f"{_REFUSALS.get(type(error), 'The token is not valid.')} {_MEND}", "bad_token"
            ) from None
        return claims

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        # Pinned before any key is looked at: `none` and an HMAC over a public key never reach a verifier.
        if header.get("alg") != ALGORITHM:
            raise jwt.InvalidAlgorithmError
        kid = header.get("kid")
        self._refresh()
        if not isinstance(kid, str) or kid not in self._keys:
            raise jwt.InvalidKeyError
        return self._keys[kid]

    def _refresh(self) -> None:
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._keys = _read_keys(self._file.read_bytes())
                self._stamp = stamp
        except (OSError, ValueError, jwt.PyJWTError):
            # Closed rather than trusting keys that may have been taken away.
            self._stamp, self._keys = None, {}
            message = (
                "The issuer's keys cannot be read, so no token can be checked. Mend the file TENURE_JWKS_FILE names."
            )
            raise Overloaded(message, "issuer_keys_unreadable") from None


_REFUSALS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidIssuerError: "The token comes from another issuer.",
    jwt.InvalidAudienceError: "The token is meant for another audience.",
    jwt.InvalidAlgorithmError: "The token must be signed with EdDSA.",
    jwt.InvalidKeyError: "The token names no key of this issuer (kid).",
    jwt.InvalidSignatureError: "The token's signature does not match.",
    jwt.MissingRequiredClaimError: "The token lacks one of iss, aud, exp, nbf, sub.",
}


def _read_keys(raw: bytes) -> dict[str, jwt.PyJWK]:
    listed = json.loads(raw)
    if not isinstance(listed, dict) or not isinstance(listed.get("keys"), list):
        raise ValueError("not a JWKS document")
    keys = [key for key in listed["keys"][:KEYS_MAX] if isinstance(key, dict)]
    return {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in keys if _usable(key)}


def _usable(key: Mapping[str, Any]) -> bool:
    return (
        key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and isinstance(key.get("kid"), str) and "d" not in key
    )


def _person(claims: Mapping[str, Any]) -> Person:
    roles = claims.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated(f"The token lists no roles. {_MEND}", "bad_token")
    staff_id, principal = claims.get("staff_id"), claims.get("principal")
    if not _text_or_none(staff_id) or not _text_or_none(principal):
        raise Unauthenticated(f"The token's staff_id or principal is not text. {_MEND}", "bad_token")
    if UPSTREAM in roles and not principal:
        raise Unauthenticated(f"An upstream system's token must name its principal. {_MEND}", "bad_token")
    return Person(str(claims["sub"]), frozenset(roles) & ALL_ROLES, staff_id or None, principal or None)


def _text_or_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 64)
