"""Gathers what an auditor needs to check one certificate without Tenure, read with the verifier's read-only role."""

import json
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg

from tools.verify.merkle import Growing

_CERTIFICATE = """
SELECT c.canonical, c.salt, l.payload, l.salt, e.leaf_index
FROM retention.certificate c JOIN retention.log l USING (log_id) JOIN retention.leaf e USING (log_id)
WHERE c.disposal_id = %s"""
_HEAD = "SELECT tree_size, root, at, signature FROM retention.head ORDER BY tree_size DESC LIMIT 1"
_LEAVES = "SELECT digest FROM retention.leaf WHERE leaf_index < %s ORDER BY leaf_index"


def gather(database_url: str, disposal: str, keys: Path, folder: Path) -> bool:
    """Write a certificate's evidence into a folder; False while no signed head covers it."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(_CERTIFICATE, [disposal]).fetchone()
        head = connection.execute(_HEAD).fetchone()
        if found is None or head is None or found[4] >= head[0]:
            return False
        canonical, salt, entry, entry_salt, index = found
        size, root, at, signature = head
        entries = [row[0] for row in connection.execute(_LEAVES, [size])]
    proof = {"salt": salt, "entry": entry, "entry_salt": entry_salt, "path": path(entries, index)}
    signed = f"tenure-ledger\nretention\n{size}\n{root.hex()}\n{at.astimezone(UTC).isoformat()}\n"
    folder.mkdir(exist_ok=True)
    (folder / "certificate.json").write_bytes(canonical)
    (folder / "proof.json").write_text(json.dumps({**_hex(proof), "leaf_index": index, "tree_size": size}, indent=1))
    (folder / "head.txt").write_text(signed)
    (folder / "head.sig").write_bytes(signature)
    (folder / "retention.pem").write_bytes((keys / "ledger-retention.pub").read_bytes())
    return True


def path(entries: Sequence[bytes], index: int) -> list[bytes]:
    """Give the hashes from one of a tree's entries up to its root, nearest first (RFC 9162, section 2.1.3.1)."""
    if len(entries) == 1:
        return []
    half = 1 << ((len(entries) - 1).bit_length() - 1)
    left, right = entries[:half], entries[half:]
    return [*path(left, index), _root(right)] if index < half else [*path(right, index - half), _root(left)]


def _root(entries: Sequence[bytes]) -> bytes:
    tree = Growing()
    for each in entries:
        tree.add(each)
    return tree.root()


def _hex(named: dict[str, Any]) -> dict[str, Any]:
    return {name: [each.hex() for each in raw] if isinstance(raw, list) else raw.hex() for name, raw in named.items()}
