"""Keys that live outside PostgreSQL: held in memory by the processes that need them, never logged."""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import urandom
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.errors import Invalid
from shared.keystore import Files, KeyMissing, KeyStore, read_private
from shared.settings import Settings

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Keys:
    """One service's keys: its epochs', the ledger's signature, the MAC of bodies. `epoch` is the newest at the start.

    Which epoch new bodies go under the database says, with every batch: a process that was asleep while another epoch
    began needs no telling. Keys that came meanwhile are fetched from the store when first needed.
    """

    epoch: int
    epochs: dict[int, AESGCM] = field(repr=False)
    ledger: Ed25519PrivateKey = field(repr=False)
    mac_key: bytes = field(repr=False)
    store: KeyStore | None = field(default=None, repr=False)
    _begun: HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take the MAC's key in, once."""
        object.__setattr__(self, "_begun", HMAC(self.mac_key, SHA256()))

    def mac(self, content: bytes) -> bytes:
        """Give the keyed digest by which two bodies are told to be the same, and nothing else."""
        made = self._begun.copy()  # `hmac.digest` lets go of the interpreter each time, and takes the key in anew.
        made.update(content)
        return made.finalize()

    def reference(self, name: str) -> str:
        """Give the opaque reference by which something guessable may leave: crime numbers can be guessed."""
        return hmac.digest(sha256(b"reference" + self.mac_key).digest(), name.encode(), "sha256").hex()

    async def wrapper(self, epoch: int) -> AESGCM:
        """Give what wraps under an epoch; raises `KeyMissing` where its key is gone or never came."""
        found = self.epochs.get(epoch)
        if found is None:
            if self.store is None:
                raise KeyMissing(f"The key of epoch {epoch} is not here.")
            found = self.epochs[epoch] = AESGCM(await asyncio.to_thread(self.store.key, epoch))
        return found

    def forget_before(self, epoch: int) -> None:
        """Drop the keys of older epochs from memory: they have ended."""
        for each in [known for known in self.epochs if known < epoch]:
            del self.epochs[each]


def wrap(wrapper: AESGCM, data_keys: Sequence[tuple[int, bytes]]) -> list[bytes]:
    """Wrap the data keys of bodies, each bound to its body's id."""
    nonces = urandom(NONCE_BYTES * len(data_keys))
    wrapped = []
    for at, (body_id, data_key) in enumerate(data_keys):
        nonce = nonces[at * NONCE_BYTES : (at + 1) * NONCE_BYTES]
        wrapped.append(nonce + wrapper.encrypt(nonce, data_key, body_id.to_bytes(8, "big")))
    return wrapped


def unwrap(wrapper: AESGCM, body_id: int, wrapped: bytes) -> bytes:
    """Give the data key of one body."""
    return wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], body_id.to_bytes(8, "big"))


def store_of(settings: Settings, service: str) -> KeyStore:
    """Give the key store that the settings name."""
    if settings.key_store == "files":
        return Files(settings.keys / service)
    from shared.keystore.transit import Transit, TransitPlace  # Only here: it brings an HTTP client of its own.

    assert settings.transit_token_file is not None, "the settings ask for it with the transit engine"
    place = TransitPlace(
        settings.transit_url, settings.transit_token_file, settings.transit_mount, settings.transit_ca_file
    )
    return Transit(place, service)


def keys_of(settings: Settings, service: str) -> Keys:
    """Read a service's keys, its epochs' from the store that the settings name."""
    return read_keys(settings.keys, service, store_of(settings, service))


def read_keys(folder: Path, service: str, store: KeyStore | None = None) -> Keys:
    """Read a service's keys, its epochs' from files unless told otherwise; what is missing is refused by name."""
    ledger = load_pem_private_key(read_private(folder / f"ledger-{service}.key"), password=None)
    if not isinstance(ledger, Ed25519PrivateKey):
        raise Invalid(f"ledger-{service}.key is not an Ed25519 key; make a new one.")
    store = store or Files(folder / service)
    epochs = {epoch: AESGCM(store.key(epoch)) for epoch in store.epochs()}
    if not epochs:
        store.key(1)  # Where the store knows how its first key is made, this says it.
        raise Invalid(f"No epoch key for {service}; `./tenure up` makes the local ones.")
    return Keys(max(epochs), epochs, ledger, read_private(folder / "mac.key"), store)
