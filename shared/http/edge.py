"""What the HTTP edge of a service is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.auth import Issuer
from shared.http.door import BODY_BYTES_MAX
from shared.keys import Keys
from shared.migrations import folder_of
from shared.policy import Pack
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Edge:
    """One service's edge: who is believed, which pack and migrations it expects, which clock it goes by."""

    service: str
    issuer: Issuer
    pack_hash: str
    zone: ZoneInfo
    mac: Callable[[bytes], bytes] = field(repr=False)
    migrations: Path
    rehearsal: bool = False
    epoch_days: int = 0
    body_bytes_max: int = BODY_BYTES_MAX


def edge_of(service: str, settings: Settings, keys: Keys, pack: Pack, body_bytes_max: int = BODY_BYTES_MAX) -> Edge:
    """Make a service's edge from its settings, keys and pack."""
    return Edge(
        service=service,
        issuer=Issuer(settings.jwks_file, settings.issuer, settings.audience),
        pack_hash=pack.hash,
        zone=pack.zone,
        mac=keys.mac,
        migrations=folder_of(service),
        rehearsal=settings.clock == "rehearsal",
        epoch_days=pack.vault.epoch_days,
        body_bytes_max=body_bytes_max,
    )
