"""Epoch keys as 0600 files in a folder outside PostgreSQL, one per epoch."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from shared.keystore.store import KEY_BYTES, KeyMissing, read_private


@dataclass(frozen=True, slots=True)
class Files:
    """One service's folder; processes on several machines need it shared, or the transit engine instead."""

    folder: Path

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch}.key"

    def epochs(self) -> list[int]:
        """List the epochs whose files are there."""
        return sorted(int(path.stem.removeprefix("epoch-")) for path in self.folder.glob("epoch-*.key"))

    def make(self, epoch: int) -> None:
        """Write the key's file, whole or not at all; of two that write at once one wins, and both then read its key."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self._path(epoch)
        if path.exists():
            return
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # Refused where there is one: a rename would put another key in its place.
        except FileExistsError:
            pass
        finally:
            part.unlink()
        self._sync()

    def key(self, epoch: int) -> bytes:
        """Read the key."""
        path = self._path(epoch)
        if not path.exists():
            raise KeyMissing(
                f"The keys folder has no {path.name}; bring it there from where the epoch was begun, 0600."
            )
        return read_private(path)

    def destroy(self, epoch: int) -> None:
        """Overwrite the file, then remove it. What a file system or a backup kept of it, this does not reach."""
        path = self._path(epoch)
        if not path.exists():
            return
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        self._sync()

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # The name, too, is on the disk before anything relies on it.
        finally:
            os.close(descriptor)
