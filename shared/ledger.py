"""The ledger: the log's rows sealed into an RFC 9162 Merkle tree, whose heads are signed and published."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.db import Connection, driver
from shared.events import CHECKPOINTS, CheckpointSigned, encode
from shared.ids import named
from shared.log import Entry, put

QUEUE_ROWS_MAX = 2_000
LEAVES_MAX = 20_000  # Of what one turn seals all is in memory at once; a row of the queue may have thousands of ids.
SEALER = 7720  # Beside the relay's 7700 and on, one for each lane.

_QUEUED = """
SELECT queue_id, log_ids FROM (
    SELECT queue_id, log_ids, sum(cardinality(log_ids)) OVER (ORDER BY queue_id) - cardinality(log_ids) AS before
    FROM (SELECT queue_id, log_ids FROM unsealed ORDER BY queue_id LIMIT $1) q) w
WHERE before < $2 ORDER BY queue_id"""
_DIGESTS = """
SELECT u.log_id, l.digest, l.topic, l.at
FROM unnest($1::bigint[]) WITH ORDINALITY AS u(log_id, n) JOIN log l USING (log_id) ORDER BY u.n"""


def leaf_hash(digest: bytes) -> bytes:
    """Give the hash of a leaf (RFC 9162, section 2.1.1)."""
    return sha256(b"\x00" + digest).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """A tree that only grows: its size, and the roots of its full subtrees, largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def read(cls, size: int, frontier: bytes) -> "Tree":
        """Read the tree that a stored head describes."""
        return cls(size, [frontier[at : at + 32] for at in range(0, len(frontier), 32)])

    def grow(self, digests: Iterable[bytes]) -> None:
        """Append leaves."""
        for digest in digests:
            node, size = leaf_hash(digest), self.size
            while size & 1:
                node, size = node_hash(self.peaks.pop(), node), size >> 1
            self.peaks.append(node)
            self.size += 1

    @property
    def root(self) -> bytes:
        """Give the tree head's hash."""
        if not self.peaks:
            return sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def signed_bytes(service: str, size: int, root: bytes, at: datetime) -> bytes:
    """Give the bytes that a head's signature is over."""
    return f"tenure-ledger\n{service}\n{size}\n{root.hex()}\n{at.isoformat()}\n".encode()


async def seal(
    connection: Connection,
    service: str,
    key: Ed25519PrivateKey,
    now: datetime,
    told: Callable[[datetime], None] = lambda oldest: None,
) -> int:
    """Seal what is queued into the tree and sign its head; gives how many leaves were added.

    Where there are LEAVES_MAX or more of them, more may wait.

    One sealer at a time per service, by lock. A head over nothing but published heads is stored and not announced, or
    each announcement would call for the next. `told` hears when the oldest leaf was written.
    """
    raw = await driver(connection)
    if not await raw.fetchval("SELECT pg_try_advisory_xact_lock(hashtext(current_schema()), $1)", SEALER):
        return 0
    queued = await raw.fetch(_QUEUED, QUEUE_ROWS_MAX, LEAVES_MAX)
    if not queued:
        return 0
    rows = await raw.fetch(_DIGESTS, [log_id for row in queued for log_id in row["log_ids"]])
    head = await raw.fetchrow("SELECT tree_size, frontier FROM head ORDER BY tree_size DESC LIMIT 1")
    tree = Tree.read(head["tree_size"], head["frontier"]) if head else Tree()
    leaves = [(tree.size + n, row["log_id"], row["digest"]) for n, row in enumerate(rows)]
    tree.grow(row["digest"] for row in rows)
    signature = key.sign(signed_bytes(service, tree.size, tree.root, now))
    await raw.copy_records_to_table("leaf", records=leaves, columns=["leaf_index", "log_id", "digest"])
    await raw.execute(
        "INSERT INTO head (tree_size, root, frontier, at, signature) VALUES ($1, $2, $3, $4, $5)",
        *(tree.size, tree.root, b"".join(tree.peaks), now, signature),
    )
    await raw.execute("DELETE FROM unsealed WHERE queue_id = ANY($1)", [row["queue_id"] for row in queued])
    told(rows[0]["at"])
    if any(row["topic"] != CHECKPOINTS for row in rows):
        signed = CheckpointSigned(service, tree.size, tree.root.hex(), now, signature.hex())
        entry = Entry(CHECKPOINTS, service, signed.type, named(f"ledger\n{service}"), tree.size, encode(signed))
        await put(connection, [entry], now)
    return len(rows)
