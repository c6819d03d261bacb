"""What a key store does, and what it says when it cannot."""

from pathlib import Path
from typing import Protocol

from shared.errors import Invalid, Overloaded

KEY_BYTES = 32


class KeyStoreAway(Overloaded, ConnectionError):
    """The key store does not answer: nothing is sealed or opened until it does, and nothing is lost meanwhile.

    An `OSError`, so that a worker waits and tries again, as it does for its database.
    """


class KeyMissing(KeyStoreAway):
    """The store has no key of this epoch: it was destroyed, or never came to this host."""


class KeyStore(Protocol):
    """Keeps one service's epoch keys outside PostgreSQL; whoever has a key wraps and unwraps with it by itself."""

    def epochs(self) -> list[int]:
        """List the epochs whose keys are there, the oldest first."""

    def make(self, epoch: int) -> None:
        """Make an epoch's key, for ever the same; one that is there is left."""

    def key(self, epoch: int) -> bytes:
        """Give an epoch's key, or raise `KeyMissing`."""

    def destroy(self, epoch: int) -> None:
        """Destroy an epoch's key, so that what is wrapped under it is noise; one that is gone stays gone."""


def read_private(path: Path) -> bytes:
    """Read a file that nobody but its owner may read; another is refused by its name."""
    if not path.is_file():
        raise Invalid(f"The key file {path.name} is missing from the keys folder; `./tenure up` makes the local ones.")
    if path.stat().st_mode & 0o077:
        raise Invalid(f"The key file {path.name} can be read by others; run `chmod 600` on it.")
    return path.read_bytes()
