"""The published vectors, computed again with nothing of ours."""

import json
import re
import uuid
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize
from zlib import crc32

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = json.loads((DOCS / "contract" / "vectors.json").read_text())
WORDS = {"nominal_ref": "nominal", "event_uid": "event", "receipt_id": "receipt"}


def again(of: str, parts: list) -> str | int:
    if of == "shard_of":
        return crc32(parts[0].encode()) % 8
    if of in ("manifest_digest", "basis"):
        return sha256("\n".join(sorted(parts)).encode()).hexdigest()
    named = [str(part) for part in parts]
    if of == "review_id":
        named.insert(1, "review")
    elif of in WORDS:
        named.insert(0, WORDS[of])
    return str(uuid.uuid5(uuid.UUID(PUBLISHED["namespace"]), normalize("NFC", "\n".join(named))))


@pytest.mark.parametrize("vector", PUBLISHED["vectors"], ids=lambda each: f"{each['of']} {each['parts']}")
def test_a_vector_is_computed_again(vector):
    assert again(vector["of"], vector["parts"]) == vector["value"]


def test_every_kind_is_there_and_the_page_has_the_same():
    told = re.findall(r"^\| `(\w+)` \| `(\[.*\])` \| `([^`]+)` \|$", (DOCS / "ids.md").read_text(), re.M)
    written = {(each["of"], json.dumps(each["parts"]), str(each["value"])) for each in PUBLISHED["vectors"]}
    assert {(of, json.dumps(json.loads(parts)), value) for of, parts, value in told} <= written
    kinds = {"record_id", "nominal_ref", "event_uid", "receipt_id", "review_id", "disposal_id", "shard_of"}
    assert {each["of"] for each in PUBLISHED["vectors"]} == kinds | {"manifest_digest", "basis"}
