"""The published vectors hold, and so does the definition they are vectors of."""

import json
import re
import unicodedata
import uuid
from uuid import UUID

import pytest

from shared import ids
from tools.stack.paths import ROOT

PAGE = (ROOT / "docs" / "ids.md").read_text()
VECTORS = re.findall(r"^\| `(\w+)` \| `(\[.*\])` \| `([^`]+)` \|$", PAGE, re.M)


def test_the_page_has_a_vector_of_each_kind() -> None:
    kinds = {"record_id", "nominal_ref", "event_uid", "receipt_id", "review_id", "disposal_id", "shard_of"}
    assert {kind for kind, _, _ in VECTORS} == kinds
    assert str(ids.NAMESPACE) in PAGE


@pytest.mark.parametrize(("kind", "parts", "value"), VECTORS)
def test_a_published_vector_holds(kind: str, parts: str, value: str) -> None:
    assert str(getattr(ids, kind)(*json.loads(parts))) == value


@pytest.mark.parametrize("name", ["crime\n1", "crime\nCafe\u0301", "\u1e9b\u0323", "", "x" * 10_000, "\U0001f600"])
def test_the_quick_way_is_uuid5_of_the_normalised_name(name: str) -> None:
    assert ids.named(name) == uuid.uuid5(ids.NAMESPACE, unicodedata.normalize("NFC", name))


def test_kinds_never_meet() -> None:
    made = [ids.record_id("a", "b"), ids.nominal_ref("a", "b"), ids.event_uid("a", "b"), ids.receipt_id("a", "b")]
    assert len(set(made)) == 4
    assert all(each.version == 5 for each in made)


def test_random_ids_and_salts_are_random() -> None:
    assert ids.random_id() != ids.random_id()
    assert ids.random_id().version == 4
    salts = ids.salts(50)
    assert {len(salt) for salt in salts} == {16}
    assert len(set(salts)) == 50


def test_a_disposal_is_named_by_a_review_or_a_row() -> None:
    record = UUID(int=1)
    assert ids.disposal_id(record, UUID(int=2), 1) == ids.disposal_id(record, str(UUID(int=2)), 1)
    assert ids.disposal_id(record, "R03", 1) != ids.disposal_id(record, "R03", 2)
