"""Where the epochs' keys live: one small interface, and two stores that keep it, files and a transit engine."""

from shared.keystore.files import Files
from shared.keystore.store import KEY_BYTES, KeyMissing, KeyStore, KeyStoreAway, read_private

__all__ = [
    "KEY_BYTES",
    "Files",
    "KeyMissing",
    "KeyStore",
    "KeyStoreAway",
    "read_private",
]
