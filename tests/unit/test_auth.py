"""A token is believed only when everything about it is right."""

import base64
import hashlib
import hmac
import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.auth import Issuer, Person
from shared.errors import Forbidden, Overloaded, Unauthenticated

ISSUER, AUDIENCE = "urn:tenure:local", "tenure"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Desk:
    """An issuer of tokens, right and wrong."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "jwks.json"
        self.key = Ed25519PrivateKey.generate()
        self.publish({"k1": self.key})
        self.checks = Issuer(self.file, ISSUER, AUDIENCE)

    def publish(self, keys: dict[str, Ed25519PrivateKey]) -> None:
        listed = [
            {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": _b64(self.public(key))} for kid, key in keys.items()
        ]
        self.file.write_text(json.dumps({"keys": listed}))

    @staticmethod
    def public(key: Ed25519PrivateKey) -> bytes:
        return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @staticmethod
    def claims(**changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "demo:D-RO1", "nbf": now, "exp": now + 600}
        claims |= {"roles": ["reviewing_officer"], "staff_id": "D-RO1"} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str | None = "k1", key: Ed25519PrivateKey | None = None, **changes: Any) -> str:
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(self.claims(**changes), key or self.key, algorithm="EdDSA", headers=headers)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_valid_token_names_its_person(desk: Desk) -> None:
    person = desk.checks.person("Bearer " + desk.token())
    assert person == Person("demo:D-RO1", frozenset({"reviewing_officer"}), "D-RO1")


def test_an_upstream_system_is_named_by_its_principal(desk: Desk) -> None:
    token = desk.token(roles=["upstream"], staff_id=None, principal="publisher")
    assert desk.checks.person("Bearer " + token) == Person("demo:D-RO1", frozenset({"upstream"}), None, "publisher")


def test_an_unknown_role_gives_nothing(desk: Desk) -> None:
    assert desk.checks.person("Bearer " + desk.token(roles=["*", "superuser"])).roles == frozenset()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"iss": "urn:other"}, "another issuer", id="wrong issuer"),
        pytest.param({"aud": "other"}, "another audience", id="wrong audience"),
        pytest.param({"exp": 1_000_000_000}, "expired", id="expired"),
        pytest.param({"nbf": 4_000_000_000, "exp": 4_000_000_600}, "not valid yet", id="not yet valid"),
        pytest.param({"exp": None}, "lacks one of", id="no exp"),
        pytest.param({"nbf": None}, "lacks one of", id="no nbf"),
        pytest.param({"aud": None}, "lacks one of", id="no audience"),
        pytest.param({"iss": None}, "lacks one of", id="no issuer"),
        pytest.param({"sub": None}, "lacks one of", id="no subject"),
        pytest.param({"roles": "reviewing_officer"}, "no roles", id="roles not a list"),
        pytest.param({"roles": None}, "no roles", id="no roles"),
        pytest.param({"staff_id": 7}, "not text", id="staff id a number"),
        pytest.param({"roles": ["upstream"]}, "principal", id="upstream without principal"),
        pytest.param({"kid": None}, "kid", id="no kid"),
        pytest.param({"kid": "k2"}, "kid", id="unknown kid"),
    ],
)
def test_a_wrong_token_is_refused(desk: Desk, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(Unauthenticated, match=says) as refused:
        desk.checks.person("Bearer " + desk.token(**changes))
    assert refused.value.reason == "bad_token"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer ", "token"])
def test_no_token_is_refused(desk: Desk, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="bearer token"):
        desk.checks.person(header)


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "é.é.é", "A" * 9000, "e30.e30.e30"])
def test_garbage_is_refused_without_quoting_it(desk: Desk, token: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        desk.checks.person("Bearer " + token)
    assert token not in refused.value.message or len(token) == 1


def test_algorithm_none_is_refused(desk: Desk) -> None:
    token = jwt.encode(desk.claims(), "", algorithm="none", headers={"kid": "k1"})
    with pytest.raises(Unauthenticated, match="EdDSA"):
        desk.checks.person("Bearer " + token)


def test_a_mac_over_the_public_key_is_refused(desk: Desk) -> None:
    head, body = ({"alg": "HS256", "typ": "JWT", "kid": "k1"}, desk.claims())
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (head, body))
    mac = hmac.new(desk.public(desk.key), signed.encode(), hashlib.sha256).digest()
    with pytest.raises(Unauthenticated, match="EdDSA"):
        desk.checks.person(f"Bearer {signed}.{_b64(mac)}")


def test_an_rsa_signature_is_refused(desk: Desk) -> None:
    key = rsa.generate_private_key(65537, 2048)
    token = jwt.encode(desk.claims(), key, algorithm="RS256", headers={"kid": "k1"})
    with pytest.raises(Unauthenticated, match="EdDSA"):
        desk.checks.person("Bearer " + token)


def test_another_key_under_a_known_kid_is_refused(desk: Desk) -> None:
    with pytest.raises(Unauthenticated, match="signature"):
        desk.checks.person("Bearer " + desk.token(key=Ed25519PrivateKey.generate()))


def test_changed_keys_are_read_again(desk: Desk) -> None:
    old = desk.token()
    desk.checks.person("Bearer " + old)
    fresh = Ed25519PrivateKey.generate()
    desk.publish({"k2": fresh})
    os.utime(desk.file, ns=(1, 1))
    assert desk.checks.person("Bearer " + desk.token("k2", fresh)).staff_id == "D-RO1"
    with pytest.raises(Unauthenticated, match="kid"):
        desk.checks.person("Bearer " + old)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"keys": 1}', '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1"}]}']
)
def test_unreadable_keys_close_the_door(desk: Desk, content: str) -> None:
    token = desk.token()
    desk.checks.person("Bearer " + token)
    desk.file.write_text(content)
    with pytest.raises(Overloaded, match="TENURE_JWKS_FILE"):
        desk.checks.person("Bearer " + token)


def test_keys_of_another_kind_are_not_taken(desk: Desk) -> None:
    desk.file.write_text(json.dumps({"keys": [{"kty": "oct", "kid": "k1", "k": _b64(b"x" * 32)}]}))
    with pytest.raises(Unauthenticated, match="kid"):
        desk.checks.person("Bearer " + desk.token())


def test_nobody_decides_without_a_staff_id() -> None:
    with pytest.raises(Forbidden) as refused:
        Person("x", frozenset({"reviewing_officer"})).decides_as()
    assert refused.value.reason == "no_staff_id"
