"""What the checks look at: the tables' snapshots, what the topics hold, the packs, the ledgers' public keys."""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tools.verify.progress import Progress
from tools.verify.published import Published
from tools.verify.tables import Schema, Schemas

LOG_DAYS = 35  # Sealed rows with a topic are dropped after so many real days.
STUCK_AFTER = timedelta(minutes=5)
_SECONDS_IN_A_DAY = 86_400

_QUEUED = "SELECT unnest(log_ids) FROM {queue}"
_STUCK = """
SELECT count(*) FROM {queue} q, unnest(q.log_ids) id JOIN log l ON l.log_id = id
WHERE l.at < %s"""
_POSITIONS = "SELECT part, next_offset FROM position WHERE cluster = %s AND topic = %s AND incarnation = %s"


@dataclass
class Estate:
    """One look at everything. The snapshots were taken before the topics' ends: what was published then is in both."""

    schemas: Schemas
    published: Published
    progress: Progress
    expected_digest: str | None = None
    logs: Sequence[Path] = ()
    patience: float = 0.0  # Seconds that a look at what must yet happen may be repeated.

    @property
    def intake(self) -> Schema:
        """Intake's tables."""
        return self.schemas["intake"]

    @property
    def retention(self) -> Schema:
        """Retention's tables."""
        return self.schemas["retention"]

    @property
    def review(self) -> Schema:
        """Review's tables."""
        return self.schemas["review"]

    @cached_property
    def now(self) -> datetime:
        """The real instant of this look."""
        return datetime.now(UTC)

    @cached_property
    def dropped_before(self) -> int:
        """The first log id whose row must still be there: days before it have been dropped."""
        return (int(self.now.timestamp()) // _SECONDS_IN_A_DAY - LOG_DAYS) << 40

    @cached_property
    def packs(self) -> dict[str, dict[str, Any]]:
        """Every policy pack that was ever stored, by its hash."""
        return {name: tomllib.loads(text) for name, text in self.retention.rows("SELECT pack_hash, text FROM policy")}

    def queued(self, service: str, queue: str = "unpublished") -> set[int]:
        """Give the log ids that wait in a queue."""
        return {row[0] for row in self.schemas[service].stream(_QUEUED.format(queue=queue))}

    def stuck(self, service: str, queue: str) -> int:
        """Count what has waited in a queue so long that nobody can be emptying it."""
        stuck: int = self.schemas[service].one(_STUCK.format(queue=queue), [self.now - STUCK_AFTER])
        return stuck

    def positions(self, service: str, topic: str) -> dict[int, int]:
        """Give a reader's stored positions in the topic as it is now."""
        incarnation = self.published.incarnations.get(topic)
        return dict(self.schemas[service].rows(_POSITIONS, [self.published.cluster, topic, incarnation]))

    def public_key(self, service: str) -> Ed25519PublicKey | None:
        """Read the public half of a ledger's key; None where this machine does not have it."""
        folder = Path(os.environ.get("TENURE_KEYS", ".tenure/keys"))
        public, private = folder / f"ledger-{service}.pub", folder / f"ledger-{service}.key"
        try:
            if public.is_file():
                found = load_pem_public_key(public.read_bytes())
                return found if isinstance(found, Ed25519PublicKey) else None
            key = load_pem_private_key(private.read_bytes(), password=None)
        except (OSError, ValueError):
            return None
        return key.public_key() if isinstance(key, Ed25519PrivateKey) else None
