"""Epoch keys held by a transit engine (HashiCorp Vault, OpenBao) over HTTP: derived there, never stored here.

Each epoch has a transit key of its own. The epoch's key is that key's HMAC of the epoch's name: the same for as long as
the engine has the key, and gone with it. So nothing is kept beside the engine, and content is sealed without asking it.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import requests
from hvac.exceptions import InvalidPath, InvalidRequest, VaultError

from shared.keystore.store import KEY_BYTES, KeyMissing, KeyStoreAway

ANSWER_SECONDS_MAX = 5
_FIRST_VERSION = 1  # An operator may rotate the key in the engine; the epoch's stays that of the first version.
_NO_KEY = "not found"


@dataclass(frozen=True, slots=True)
class TransitPlace:
    """Where the engine is, and how this process shows who it is."""

    url: str
    token_file: Path
    mount: str = "transit"
    ca_file: Path | None = None


class Transit:
    """One service's keys in the engine, `tenure-<service>-epoch-<n>`."""

    def __init__(self, place: TransitPlace, service: str) -> None:
        self._place = place
        self._prefix = f"tenure-{service}-epoch-"

    def _name(self, epoch: int) -> str:
        return f"{self._prefix}{epoch}"

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """Give the engine's client; the token is read each time, for an agent beside us renews its file."""
        try:
            token = self._place.token_file.read_text().strip()
            verify = str(self._place.ca_file) if self._place.ca_file else True
            client = hvac.Client(url=self._place.url, token=token, verify=verify, timeout=ANSWER_SECONDS_MAX)
            yield client.secrets.transit
        except (VaultError, requests.RequestException, OSError) as error:
            if isinstance(error, KeyStoreAway):
                raise
            # Its own words may quote the address or the path; the class says enough.
            raise KeyStoreAway(f"The transit engine does not serve this ({type(error).__name__}); try again.") from None

    def epochs(self) -> list[int]:
        """List the epochs whose keys the engine has."""
        with self._engine() as transit:
            try:
                names = transit.list_keys(mount_point=self._place.mount)["data"]["keys"]
            except InvalidPath:
                return []  # The engine answers so when it has no key at all.
        ours = [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]
        return sorted(int(each) for each in ours if each.isdecimal())

    def make(self, epoch: int) -> None:
        """Let the engine make the epoch's transit key; it leaves one that is there."""
        with self._engine() as transit:
            transit.create_key(self._name(epoch), exportable=False, mount_point=self._place.mount)

    def key(self, epoch: int) -> bytes:
        """Derive the epoch's key."""
        name = self._name(epoch)
        with self._engine() as transit:
            try:
                answer = transit.generate_hmac(
                    name,
                    hash_input=b64encode(name.encode()).decode(),
                    key_version=_FIRST_VERSION,
                    algorithm="sha2-256",
                    mount_point=self._place.mount,
                )
            except InvalidRequest as error:
                if _NO_KEY not in str(error):
                    raise
                mend = f"a new system's first is made with `bao write -f {self._place.mount}/keys/{name}`"
                raise KeyMissing(f"The transit engine has no key {name}; {mend}.") from None
        key = b64decode(answer["data"]["hmac"].rpartition(":")[2])
        assert len(key) == KEY_BYTES, "SHA-256 gives 32 bytes"
        return key

    def destroy(self, epoch: int) -> None:
        """Let the engine delete the transit key, all versions of it; what its own backups hold, this does not reach."""
        if epoch not in self.epochs():
            return
        with self._engine() as transit:
            name, mount = self._name(epoch), self._place.mount
            transit.update_key_configuration(name, deletion_allowed=True, mount_point=mount)
            transit.delete_key(name, mount_point=mount)
