"""A CloudEvent of each type: those that come in are written by hand, those that the services write are made here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.ids import NAMESPACE, disposal_id, event_uid, nominal_ref, receipt_id, record_id, review_id
from shared.topics import SERVICES, TOPICS
from tools.documents.models import INBOUND, Json, Undocumented, declared, schemas

_RECORD = str(record_id("crime", "01/12345/22"))
_REVIEW = str(review_id(record_id("crime", "01/12345/22"), 1))
_DIGEST = "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b"
_SIGNATURE = _DIGEST * 2
_IDS = {
    "record_id": _RECORD,
    "subject": _RECORD,
    "review_id": _REVIEW,
    "task_id": _REVIEW,
    "decision_id": _REVIEW,
    "nominal_ref": str(nominal_ref("crime", "N-42")),
    "nominals": str(nominal_ref("crime", "N-42")),
    "event_uid": str(event_uid("urn:demo:crime", "e1")),
    "clock_basis": str(event_uid("urn:demo:crime", "e1")),
    "receipt_id": str(receipt_id("q1", 0)),
    "disposal_id": str(disposal_id(record_id("crime", "01/12345/22"), _REVIEW, 1)),
    "correction_id": str(disposal_id(record_id("crime", "01/12345/22"), _REVIEW, 1)),
}
_WORDS = {
    "source": "urn:demo:crime",
    "sources": "urn:demo:crime",
    "source_system": "crime",
    "id": "e1",
    "outcome": "accepted",
    "state": "current",
    "group": "G3",
    "class": "crime.volume",
    "row": "crime",
    "rule": "crime",
    "owner": "data_steward",
    "cause": "period_ended",
    "reason": "period_ended",
    "pack": _DIGEST,
    "basis": _DIGEST,
    "digest": _DIGEST,
    "root": _DIGEST,
    "mac": _DIGEST,
    "record_ref": _DIGEST,
    "signature": _SIGNATURE,
    "service": "retention",
    "holder": "intake",
    "topic": "records.registered.v1",
    "record_type": "crime_report",
    "record_types": "crime_report",
    "class_title": "Crime reports",
    "units": "Barking",
    "offences": "28/11",
    "medium": "digital",
    "authority": "MoPI 2005",
    "method": "cryptographic erasure",
    "purpose": "retention_review",
    "scope": "records",
    "parts": "summary",
    "exclusions": "backups",
    "what": "links",
    "escalation": "overdue",
    "code": "partial_date",
    "pointer": "/data/occurred_on",
    "sentence": "A day is missing; send the whole date.",
    "time": "2022-08-02T10:00:00Z",
    "from": "2022-08-01",
    "to": "2022-08-31",
}
_NUMBERS = {"keep_year": 2032, "holds_found": 0}
_PEOPLE = {
    "decided_by": "D-RO1",
    "approved_by": "D-HIM1",
    "proposed_by": "D-DS1",
    "assignee": "D-RO1",
    "actor": "D-RO1",
}
_OBJECTS: dict[str, Json] = {
    "derivation": {"v": 1, "steps": [{"code": "classified", "class": "crime.volume"}]},
    "state": {"source_system": "crime", "source_record_id": "01/12345/22", "record_type": "crime_report"},
    "data": {"record_id": _RECORD, "trigger": "charged", "on": "2022-08-02"},
}
_WRITTEN_BY = {kind: next((s for s in SERVICES if s in t.written_by), SERVICES[0]) for t in TOPICS for kind in t.types}
_TIME = "2022-08-02T10:00:00+00:00"


def examples(folder: Path) -> dict[str, Json]:
    """Give a CloudEvent of each type; an inbound one without its file in `folder` is refused."""
    known = schemas()
    return {kind: _sent(folder, kind) if kind in INBOUND else _written(kind, known) for kind in declared()}


def _sent(folder: Path, kind: str) -> Json:
    path = folder / f"{kind}.json"
    if not path.exists():
        raise Undocumented(f"{kind} has no example; write one as a CloudEvent into docs/contract/examples/{path.name}.")
    found: Json = json.loads(path.read_text())
    return found


def _written(kind: str, known: Mapping[str, Json]) -> Json:
    model = declared()[kind]
    return {
        "specversion": "1.0",
        "id": str(event_uid("urn:tenure", kind)),
        "source": f"urn:tenure:{_WRITTEN_BY[kind]}",
        "type": kind,
        "subject": _RECORD,
        "time": _TIME,
        "data": _made("", {"$ref": f"/{model.__name__}"}, known),
    }


def _made(name: str, schema: Json, known: Mapping[str, Json]) -> Any:
    """Make a value that a schema allows, with the word that stands there in real life."""
    if "$ref" in schema:
        return _made(name, known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return _made(name, next(each for each in schema["anyOf"] if each.get("type") != "null"), known)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "array":
        items = schema.get("prefixItems") or [schema["items"]]
        return [_made(name, each, known) for each in items]
    if kind == "object":
        told = schema.get("properties", {})
        return {key: _made(key, each, known) for key, each in told.items()} or _OBJECTS.get(name, {})
    if kind == "string":
        return _text(name, schema)
    return False if kind == "boolean" else _NUMBERS.get(name, 1)


def _text(name: str, schema: Json) -> str:
    form = schema.get("format")
    if form == "uuid":
        return _IDS.get(name, str(NAMESPACE))
    if form == "date":
        return "2032-08-02"
    if form == "date-time":
        return _TIME
    return _PEOPLE.get(name) or _WORDS.get(name) or "code"
