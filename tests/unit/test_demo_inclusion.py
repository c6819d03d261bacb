"""The demonstration's evidence: the way from a certificate to a signed head, and the ways in which it can be forged."""

import json
import subprocess
import sys
from hashlib import sha256

import pytest

from shared.ledger import Tree
from tools.demo import evidence, inclusion
from tools.demo.inclusion import NotIncluded

CERTIFICATE, SALT, ENTRY_SALT = b'{"decided_by":"D-RO1"}', b"s" * 16, b"e" * 16


def proof_of(index: int, size: int) -> tuple[dict, str]:
    """Give the evidence of a certificate that is one leaf among others, in a tree that the ledger itself grew."""
    entry = b"o" * 32 + sha256(SALT + CERTIFICATE).digest()
    digests = [sha256(b"%d" % n).digest() for n in range(size)]
    digests[index] = sha256(ENTRY_SALT + entry).digest()
    tree = Tree()
    tree.grow(digests)
    path = evidence.path(digests, index)
    proof = {"salt": SALT.hex(), "entry": entry.hex(), "entry_salt": ENTRY_SALT.hex(), "leaf_index": index}
    head = f"tenure-ledger\nretention\n{size}\n{tree.root.hex()}\n2026-01-01T00:00:00+00:00\n"
    return {**proof, "tree_size": size, "path": [each.hex() for each in path]}, head


@pytest.mark.parametrize(("index", "size"), [(n, size) for size in (1, 2, 3, 5, 8, 13) for n in range(size)])
def test_every_leaf_of_the_ledgers_own_trees_leads_to_its_head(index, size):
    *_, last = inclusion.steps(CERTIFICATE, *proof_of(index, size))

    assert last.endswith("is over this root: included")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"salt": "00"}, "not one byte may differ", id="salt"),
        pytest.param({"entry": "00" * 64}, "not one byte may differ", id="entry"),
        pytest.param({"entry_salt": "00"}, "does not lead to the root", id="salt of the entry"),
        pytest.param({"leaf_index": 3}, "does not lead to the root", id="place"),
        pytest.param({"leaf_index": 13}, "outside the tree", id="place outside"),
        pytest.param({"tree_size": 14}, "path", id="size"),
        pytest.param({"path": []}, "too short", id="short path"),
    ],
)
def test_evidence_that_was_changed_is_refused(changed, why):
    proof, head = proof_of(4, 13)

    with pytest.raises(NotIncluded, match=why):
        inclusion.steps(CERTIFICATE, {**proof, **changed}, head)


def test_a_certificate_that_was_changed_is_refused():
    with pytest.raises(NotIncluded, match="not one byte may differ"):
        inclusion.steps(CERTIFICATE.replace(b"D-RO1", b"D-RO2"), *proof_of(4, 13))


def test_a_path_that_goes_on_is_refused():
    proof, head = proof_of(4, 13)

    with pytest.raises(NotIncluded, match="too long"):
        inclusion.steps(CERTIFICATE, {**proof, "path": [*proof["path"], "00" * 32]}, head)


def test_a_head_over_another_root_is_refused():
    proof, head = proof_of(4, 13)

    with pytest.raises(NotIncluded, match="does not lead to the root"):
        inclusion.steps(CERTIFICATE, proof, head.replace("\n13\n", "\n14\n"))


@pytest.mark.parametrize(("written", "status"), [(CERTIFICATE, 0), (CERTIFICATE + b" ", 1)])
def test_the_program_needs_nothing_but_python_and_says_it_by_its_status(tmp_path, written, status):
    proof, head = proof_of(2, 5)
    (tmp_path / "certificate.json").write_bytes(written)
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    (tmp_path / "head.txt").write_text(head)

    ran = subprocess.run(
        [sys.executable, "-I", "-S", inclusion.__file__, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (status, "")
    assert ("included" in ran.stdout, "NOT INCLUDED" in ran.stdout) == (not status, bool(status))
