"""The AsyncAPI 3 document: every topic, what is on it, who writes and reads it, by the declaration and the models."""

from collections.abc import Mapping

from services.intake.api.inbound import ATTRIBUTES, REF, name_of, needs_sequence
from shared.topics import SERVICES, TOPICS, Topic
from tools.documents.models import INBOUND, Json, Undocumented, declared, schemas

_SUBJECT = "the id of the record or nominal"
_KEYS = {
    "records.events.v1": _SUBJECT,
    "records.backload.v1": _SUBJECT,
    "records.manifests.v1": "the source",
    "records.receipts.v1": "event_uid, else the receipt's id; of a manifest's account the source",
    "records.quarantine.v1": "the source",
    "records.corrections.v1": "record_id",
    "records.registered.v1": _SUBJECT,
    "retention.reviews.v1": _SUBJECT,
    "review.decisions.v1": _SUBJECT,
    "review.tasks.v1": "task_id",
    "retention.schedules.v1": "record_id",
    "retention.expectations.v1": "the id of the expectation",
    "retention.holds.v1": "hold_id",
    "retention.policies.v1": "the pack's hash",
    "retention.disposals.v1": "record_id",
    "records.disposal-receipts.v1": "record_id",
    "compliance.certificates.v1": "disposal_id",
    "compliance.measures.v1": "the measure",
    "compliance.checkpoints.v1": "the service",
    "access.events.v1": "record_id",
}
_KINDS = {
    "inbound": "Carries content; a CloudEvent in binary or structured mode.",
    "internal": "Read by the services alone: pseudonymous ids, dates of birth and death, flags.",
    "public": "Codes, ids, digests and dates only.",
}
_STRUCTURED = "CloudEventStructured"
_SENT = {"type": "object", "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"]}
_WRITTEN: Json = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "The same however often it is published."},
        "ce_source": {"enum": [f"urn:tenure:{service}" for service in SERVICES]},
        "ce_type": {"type": "string"},
        "ce_subject": {"type": "string", "description": "The id of what it is about; of a watermark its partition."},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_partitionkey": {"type": "string"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string"},
    },
}


def document(examples: Mapping[str, Json]) -> Json:
    """Give the whole document; `examples` has a CloudEvent of each type."""
    kinds = declared()
    messages = {name_of(kind): _message(kind, examples[kind]) for kind in kinds}
    messages[_STRUCTURED] = {
        "name": _STRUCTURED,
        "title": "Any inbound event, in structured mode",
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": {"const": "application/cloudevents+json"}},
        },
        "payload": {"$ref": REF.format(name="CloudEvent")},
    }
    return {
        "asyncapi": "3.0.0",
        "id": "urn:tenure",
        "info": {
            "title": "Tenure",
            "version": "1",
            "description": "Every topic of Tenure. CloudEvents 1.0 over Kafka; what is written is in binary mode.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(
            _operation(service, topic) for service in SERVICES for topic in TOPICS if _has(service, topic)
        ),
        "components": {"messages": dict(sorted(messages.items())), "schemas": {**schemas(), **_headers()}},
    }


def _headers() -> dict[str, Json]:
    sent = {**_SENT, "properties": {f"ce_{name}": schema for name, schema in ATTRIBUTES.items()}}
    return {"InboundHeaders": sent, "OutboundHeaders": _WRITTEN}


def _message(kind: str, example: Json) -> Json:
    incoming = kind in INBOUND
    model = declared()[kind]
    own: Json = {"properties": {"ce_type": {"const": kind}}}
    if incoming and needs_sequence(kind):
        own["required"] = ["ce_sequence"]
    base = REF.format(name="InboundHeaders" if incoming else "OutboundHeaders")
    said = {f"ce_{name}": value for name, value in example.items() if name != "data"}
    headers = said if incoming else {**said, "content-type": "application/json"}
    return {
        "name": kind,
        "title": kind,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {"allOf": [{"$ref": base}, own]},
        "payload": {"$ref": REF.format(name=model.__name__)},
        "examples": [{"headers": headers, "payload": example["data"]}],
    }


def _channel(topic: Topic) -> Json:
    names = [name_of(kind) for kind in topic.types] + ([_STRUCTURED] if topic.kind == "inbound" else [])
    settings = topic.config
    known = {name: int(settings[name]) for name in ("retention.ms", "delete.retention.ms") if name in settings}
    return {
        "address": topic.name,
        "description": f"{topic.kind.capitalize()}. {_KINDS[topic.kind]} Key: {_key(topic)}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "tags": [{"name": topic.kind}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": [topic.cleanup], **known},
                "bindingVersion": "0.5.0",
            }
        },
        "x-written-by": list(topic.written_by),
        "x-read-by": list(topic.read_by),
        "x-key": _key(topic),
        "x-settings": settings,
    }


def _key(topic: Topic) -> str:
    if topic.name.endswith(".dlq"):
        return "the message's own key, else the id of its place"
    if topic.name not in _KEYS:
        raise Undocumented(f"Nothing says what the key of {topic.name} is; add it to tools/documents/asyncapi.py.")
    return _KEYS[topic.name]


def _has(service: str, topic: Topic) -> bool:
    return service in topic.written_by or service in topic.read_by


def _operation(service: str, topic: Topic) -> tuple[str, Json]:
    action = "send" if service in topic.written_by else "receive"
    return f"{service}.{action}.{topic.name}", {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "tags": [{"name": service}],
    }
