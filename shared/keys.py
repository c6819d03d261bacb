"""Keys that live outside PostgreSQL: read from 0600 files, never logged."""

from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Keys:
    """One service's keys: the epoch that new bodies are wrapped under, the ledger's signature, the MAC of bodies."""

    epoch: int
    epochs: dict[int, AESGCM] = field(repr=False)
    ledger: Ed25519PrivateKey = field(repr=False)
    mac_key: bytes = field(repr=False)

    def mac(self, content: bytes) -> bytes:
        """Give the keyed digest by which two bodies are told to be the same, and nothing else."""
        return hmac_digest(self.mac_key, content, "sha256")

    def reference(self, name: str) -> str:
        """Give the opaque reference by which something guessable may leave: crime numbers can be guessed."""
        return hmac_digest(sha256(b"reference" + self.mac_key).digest(), name.encode(), "sha256").hex()


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise Invalid(f"The key file {path.name} is missing from the keys folder; `./tenure up` makes the local ones.")
    if path.stat().st_mode & 0o077:
        raise Invalid(f"The key file {path.name} can be read by others; run `chmod 600` on it.")
    return path.read_bytes()


def read_keys(folder: Path, service: str) -> Keys:
    """Read a service's keys; a missing or readable-by-others file is refused by name."""
    ledger = load_pem_private_key(_read(folder / f"ledger-{service}.key"), password=None)
    if not isinstance(ledger, Ed25519PrivateKey):
        raise Invalid(f"ledger-{service}.key is not an Ed25519 key; make a new one.")
    epochs = {
        int(path.stem.removeprefix("epoch-")): AESGCM(_read(path)) for path in (folder / service).glob("epoch-*.key")
    }
    if not epochs:
        raise Invalid(f"No epoch key for {service}; `./tenure up` makes the local ones.")
    return Keys(max(epochs), epochs, ledger, _read(folder / "mac.key"))
