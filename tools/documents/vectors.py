"""Test vectors: ids, digests and shards that anyone can compute again, without our code."""

from typing import Any
from uuid import UUID

from services.intake.domain.manifests import digest_of
from services.retention.domain import basis
from shared import ids

_RECORD = "90835cb4-544e-5207-a536-6371ba4de783"
_REVIEW = "e00804ba-ff52-5ad6-899b-662388fbcb34"
_PARTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("record_id", ("crime", "01/12345/22")),
    ("record_id", ("crime", "Caf\u00e9")),
    ("record_id", ("crime", "Cafe\u0301")),
    ("nominal_ref", ("crime", "N-42")),
    ("event_uid", ("urn:demo:crime", "e1")),
    ("receipt_id", ("c1", "records.events.v1", "i1", 3, 17)),
    ("receipt_id", ("q1", 0)),
    ("review_id", (_RECORD, 1)),
    ("disposal_id", (_RECORD, _REVIEW, 1)),
    ("disposal_id", (_RECORD, "R03", 1)),
    ("shard_of", (_RECORD,)),
    ("shard_of", ("2625b9e6-6368-525c-a254-1d8cea6ff0dd",)),
    ("shard_of", ("urn:demo:crime",)),
)
_EVENT_IDS: tuple[tuple[str, ...], ...] = ((), ("e1",), ("e2", "e10", "e1"))
_UIDS = ("9cf61c4f-5179-5d27-a569-079df0e8359f", "1429ff2f-ba58-58fe-85ac-05cba91b44aa")


def document() -> dict[str, Any]:
    """Give the namespace, and each vector: what it is, of which parts in their order (docs/ids.md), and its value."""
    vectors = [_vector(of, parts, getattr(ids, of)(*parts)) for of, parts in _PARTS]
    vectors += [_vector("manifest_digest", names, digest_of(names)) for names in _EVENT_IDS]
    vectors.append(_vector("basis", _UIDS, basis(map(UUID, _UIDS))))
    return {"namespace": str(ids.NAMESPACE), "vectors": vectors}


def _vector(of: str, parts: tuple[Any, ...], value: Any) -> dict[str, Any]:
    return {"of": of, "parts": list(parts), "value": value if isinstance(value, int) else str(value)}
