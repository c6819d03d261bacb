"""What the HTTP edge of a service is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.auth import Issuer
from shared.http.door import BODY_BYTES_MAX
from shared.in_force import Packs
from shared.keys import Keys
from shared.migrations import folder_of
from shared.policy import Pack
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Edge:
    """One service's edge: who is believed, which migrations it expects, which packs and which clock it goes by."""

    service: str
    issuer: Issuer
    packs: Packs
    mac: Callable[[bytes], bytes] = field(repr=False)
    migrations: Path
    rehearsal: bool = False
    body_bytes_max: int = BODY_BYTES_MAX

    @property
    def pack(self) -> Pack:
        """Give the pack in force; each request's transaction looks which that is."""
        return self.packs.pack

    @property
    def zone(self) -> ZoneInfo:
        """Give the zone whose days policy counts by."""
        return self.pack.zone


def edge_of(service: str, settings: Settings, keys: Keys, pack: Pack, body_bytes_max: int = BODY_BYTES_MAX) -> Edge:
    """Make a service's edge from its settings, keys and pack."""
    return Edge(
        service=service,
        issuer=Issuer(settings.jwks_file, settings.issuer, settings.audience),
        packs=Packs(pack),
        mac=keys.mac,
        migrations=folder_of(service),
        rehearsal=settings.clock == "rehearsal",
        body_bytes_max=body_bytes_max,
    )
