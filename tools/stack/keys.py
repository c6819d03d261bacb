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
    make_issuer(folder)
    make_mac(folder)
    passwords(folder)
    for service in SERVICES:
        make_own(folder, service)


def make_issuer(folder: Path) -> None:
    """Make the key that signs this stack's tokens, and its public half as the services read it."""
    issuer = _signing_key(folder / "issuer.key")
    write_once(folder / "jwks.json", json.dumps({"keys": [public_jwk(issuer)]}, indent=1).encode())


def make_mac(folder: Path) -> bytes:
    """Make the key that bodies are told apart by, and give it: all services have the same."""
    write_once(folder / "mac.key", secrets.token_bytes(32))
    return (folder / "mac.key").read_bytes()


def make_own(folder: Path, service: str) -> None:
    """Make the keys that one service alone has: its ledger's, and its first epoch's."""
    ledger = _signing_key(folder / f"ledger-{service}.key").public_key()
    # For whoever checks and must not sign: the verifier, an auditor.
    public = ledger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_once(folder / f"ledger-{service}.pub", public)
    if not (folder / service).exists():  # An epoch that ended leaves a gap on purpose: never refill it.
        (folder / service).mkdir(mode=0o700)
        write_once(folder / service / "epoch-1.key", secrets.token_bytes(32))


def passwords(folder: Path) -> dict[str, str]:
    """Give the database passwords by role, made on first use."""
    path = folder / "passwords.json"
    fresh = {role: secrets.token_urlsafe(24) for role in ("postgres", *ROLES)}
    write_once(path, json.dumps(fresh, indent=1).encode())
    known: dict[str, str] = json.loads(path.read_bytes())
    return known


def public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """Give the public half as a JWK, named by its RFC 7638 thumbprint."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    core = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    thumbprint = hashlib.sha256(json.dumps(core, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**core, "kid": _base64url(thumbprint), "alg": "EdDSA", "use": "sig"}


def _signing_key(path: Path) -> Ed25519PrivateKey:
    write_once(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), f"{path.name} is an Ed25519 key"
    return key


def write_once(path: Path, content: bytes) -> None:
    """Write a file for this user only, complete or not at all; one that is there is left."""
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
