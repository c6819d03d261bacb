"""The tree that grows leaf by leaf is the one that RFC 9162 defines by halves."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger import Tree, leaf_hash, node_hash, signed_bytes


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, to the letter."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


LEAVES = [bytes([n % 251]) * (n % 40) for n in range(300)]


@pytest.mark.parametrize("size", [*range(34), 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    tree = Tree()
    tree.grow(LEAVES[:size])
    assert (tree.size, tree.root, len(tree.peaks)) == (size, naive(LEAVES[:size]), size.bit_count())


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 40), max_size=8))
def test_growing_in_batches_and_reading_the_frontier_between_them_changes_nothing(batches: list[int]) -> None:
    tree, done = Tree(), 0
    for count in batches:
        tree = Tree.read(tree.size, b"".join(tree.peaks))
        tree.grow(LEAVES[done : done + count])
        done += count
    assert tree.root == naive(LEAVES[:done])


def test_vectors_of_certificate_transparency() -> None:
    tree = Tree()
    inputs = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    tree.grow(bytes.fromhex(each) for each in inputs)
    assert tree.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_leaves_and_nodes_cannot_be_taken_for_each_other() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


def test_a_head_binds_service_size_root_and_time() -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    whole = signed_bytes("intake", 3, b"\x01" * 32, at)
    assert whole == b"tenure-ledger\nintake\n3\n" + b"01" * 32 + b"\n2026-03-02T12:00:00+00:00\n"
    assert signed_bytes("review", 3, b"\x01" * 32, at) != whole
