"""The local stack's keys and passwords, made once, readable by this user only."""

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

SERVICES = ("intake", "retention", "review")
ROLES = (*(f"tenure_{service}_{kind}" for service in SERVICES for kind in ("owner", "api", "worker")), "tenure_verify")


def make(folder: Path) -> None:
    """Make what is missing; what is there is never changed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    issuer = _signing_key(folder / "issuer.key")
    _write_once(folder / "jwks.json", json.dumps({"keys": [public_jwk(issuer)]}, indent=1).encode())
    _write_once(folder / "mac.key", secrets.token_bytes(32))
    passwords(folder)
    for service in SERVICES:
        _signing_key(folder / f"ledger-{service}.key")
        if not (folder / service).exists():  # An epoch that ended leaves a gap on purpose: never refill it.
            (folder / service).mkdir(mode=0o700)
            _write_once(folder / service / "epoch-1.key", secrets.token_bytes(32))


def passwords(folder: Path) -> dict[str, str]:
    """Give the database passwords by role, made on first use."""
    path = folder / "passwords.json"
    fresh = {role: secrets.token_urlsafe(24) for role in ("postgres", *ROLES)}
    _write_once(path, json.dumps(fresh, indent=1).encode())
    known: dict[str, str] = json.loads(path.read_bytes())
    return known


def public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """Give the public half as a JWK, named by its RFC 7638 thumbprint."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    core = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    thumbprint = hashlib.sha256(json.dumps(core, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**core, "kid": _base64url(thumbprint), "alg": "EdDSA", "use": "sig"}


def _signing_key(path: Path) -> Ed25519PrivateKey:
    _write_once(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), f"{path.name} is an Ed25519 key"
    return key


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.rename(path)  # Complete, or not there.


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
