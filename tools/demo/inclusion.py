"""Checks that a certificate stands in the ledger, with nothing but Python's standard library.

`python3 inclusion.py FOLDER`. The folder holds `certificate.json` as it was published; `proof.json`, the way from it to
a tree head (RFC 9162, section 2.1.3); and `head.txt`, the bytes that the ledger's key signs. The signature itself is
for `openssl`. Nothing here asks Tenure, or uses its code.
"""

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any


class NotIncluded(Exception):
    """The certificate is not what the signed head covers; the sentence says where the way breaks off."""


def main(arguments: Sequence[str]) -> int:
    """Check one folder and show each step; exit status 0 only if the certificate is included."""
    if len(arguments) != 1:
        print("usage: python3 inclusion.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        for line in steps(
            (folder / "certificate.json").read_bytes(),
            json.loads((folder / "proof.json").read_text()),
            (folder / "head.txt").read_text(),
        ):
            print(line)
    except NotIncluded as error:
        print(f"NOT INCLUDED: {error}")
        return 1
    return 0


def steps(certificate: bytes, proof: dict[str, Any], head: str) -> list[str]:
    """Go from a certificate's bytes to the signed head; gives what was found at each step, or raises `NotIncluded`."""
    digest = sha256(bytes.fromhex(proof["salt"]) + certificate).digest()
    entry = bytes.fromhex(proof["entry"])
    digests = [entry[at : at + 32] for at in range(0, len(entry), 32)]
    if digest not in digests:
        raise NotIncluded("the certificate's digest is not in the ledger's entry, so not one byte may differ.")
    leaf = sha256(b"\x00" + sha256(bytes.fromhex(proof["entry_salt"]) + entry).digest()).digest()
    path, index, size = [bytes.fromhex(each) for each in proof["path"]], proof["leaf_index"], proof["tree_size"]
    root = root_of(leaf, index, size, path)
    _, service, signed_size, signed_root, at, *_ = head.split("\n")
    if (root.hex(), str(size)) != (signed_root, signed_size):
        raise NotIncluded("the path does not lead to the root that the head signs.")
    return [
        f"certificate  {len(certificate)} bytes, SHA-256 with its salt {digest.hex()[:16]}...",
        f"entry        holds {_counted(digests)}; it is leaf {index:,} of {size:,}",
        f"path         {len(path)} hashes up to the root {root.hex()[:16]}...",
        f"head         {service}'s, of {at}, is over this root: included",
    ]


def _counted(digests: Sequence[bytes]) -> str:
    return f"that digest beside {len(digests) - 1} others" if len(digests) > 1 else "that digest alone"


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Give the root that a leaf and its path lead to (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise NotIncluded("the leaf's place is outside the tree.")
    node, first, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise NotIncluded("the path is too long.")
        if first & 1 or first == last:
            node = sha256(b"\x01" + sibling + node).digest()
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        first, last = first >> 1, last >> 1
    if last:
        raise NotIncluded("the path is too short.")
    return node


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
