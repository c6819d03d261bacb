"""What may be sent in, as JSON Schemas: the data of each type, the CloudEvent around it, and the ways over HTTP."""

from typing import Any

import msgspec

from services.intake.domain.shapes import SHAPES, NominalState, RecordState, Withdrawn
from shared.events import ReceiptIssued

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
BATCH_EVENTS_MAX = 1_000
_STATES = (RecordState, Withdrawn, NominalState)

_WORDS = "^[\\x21-\\x7e]{1,256}$"
ATTRIBUTES: dict[str, Json] = {
    "specversion": {"const": "1.0"},
    "id": {
        "type": "string",
        "pattern": "^[A-Za-z0-9._:/-]{1,128}$",
        "description": "`(source, id)` names it for ever.",
    },
    "source": {"type": "string", "pattern": _WORDS, "description": "As the policy pack registers it."},
    "type": {"type": "string", "pattern": _WORDS},
    "subject": {"type": "string", "format": "uuid", "description": "The id of what it is about (docs/ids.md)."},
    "time": {"type": "string", "format": "date-time", "description": "When it happened."},
    "sequence": {
        "type": "string",
        "pattern": "^[1-9][0-9]{0,18}$",
        "description": "States carry one, per source and subject: the higher wins. No other event does.",
    },
    "corrects": {"type": "string", "pattern": _WORDS, "description": "The id of a quarantined event this one mends."},
    "traceparent": {"type": "string", "description": "W3C trace context."},
}
_NEEDED = ("specversion", "id", "source", "type")

_DAY = {
    "pattern": "^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$",
    "description": 'A civil day; a month alone where `precision` is "month".',
}
_INSTANT = {
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
    "description": "An instant: day, hour, minute and offset.",
}


def name_of(kind: str) -> str:
    """Give an event type's name among the schemas: `tenure.record.captured.v1` is `RecordCapturedV1`."""
    return "".join(word.capitalize() for word in kind.removeprefix("tenure.").replace(".", " ").split())


def data_of(kind: str) -> Json:
    """Refer to the schema of a type's data."""
    return {"$ref": REF.format(name=SHAPES[kind].__name__)}


def needs_sequence(kind: str) -> bool:
    """Say whether events of a type are states, which count by their sequence."""
    return SHAPES[kind] in _STATES


def schemas() -> dict[str, Json]:
    """Give every schema by name: the data of all types, one CloudEvent for each, and `CloudEvent`, any of them."""
    _, found = msgspec.json.schema_components([*set(SHAPES.values()), ReceiptIssued], ref_template=REF)
    for shape in set(SHAPES.values()):
        _date(found[shape.__name__])
    envelopes = {name_of(kind): _envelope(kind) for kind in SHAPES}
    union = {"oneOf": [{"$ref": REF.format(name=name)} for name in sorted(envelopes)]}
    return {**found, **envelopes, "CloudEvent": union}


def _envelope(kind: str) -> Json:
    attributes = {name: schema for name, schema in ATTRIBUTES.items() if name != "sequence" or needs_sequence(kind)}
    needed = [*_NEEDED, *(["sequence"] if needs_sequence(kind) else []), "data"]
    properties = {**attributes, "type": {"const": kind}, "data": data_of(kind)}
    return {"type": "object", "title": kind, "required": needed, "properties": properties}


def _date(schema: Json) -> None:
    """Say how dates and instants are written: the models keep both as sent, the checks read them."""
    for name, told in schema["properties"].items():
        form = (
            _INSTANT if name.endswith("_at") else _DAY if name in ("on", "date_of_birth") or name[-3:] == "_on" else {}
        )
        texts = [each for each in told.get("anyOf", [told]) if each.get("type") == "string"] if form else []
        for text in texts:
            text.update(form)


def _header(name: str, schema: Json) -> Json:
    told = {"name": f"ce-{name}", "in": "header", "required": False, "schema": schema}
    return {**told, "description": "Binary mode: the attribute, percent-encoded; the other modes have it in the body."}


REQUEST: Json = {
    "parameters": [_header(name, schema) for name, schema in ATTRIBUTES.items()],
    "requestBody": {
        "required": True,
        "description": "What is a CloudEvent is taken in, whatever is wrong with it: its receipt says so.",
        "content": {
            SINGLE: {"schema": {"$ref": REF.format(name="CloudEvent")}},
            BATCH: {
                "schema": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": BATCH_EVENTS_MAX,
                    "items": {"$ref": REF.format(name="CloudEvent")},
                }
            },
            "application/json": {
                "schema": {
                    "description": "Binary mode: the data of a type, its attributes as `ce-` headers.",
                    "anyOf": sorted(
                        ({"$ref": REF.format(name=each.__name__)} for each in set(SHAPES.values())), key=str
                    ),
                }
            },
        },
    },
}
_RECEIPT = {"$ref": REF.format(name="ReceiptIssued")}
_RECEIPTS = {"type": "array", "items": _RECEIPT}
TAKEN: Json = {"content": {"application/json": {"schema": {"anyOf": [_RECEIPT, _RECEIPTS]}}}}
FOUND: Json = {"content": {"application/json": {"schema": _RECEIPTS}}}
