"""Every event type of the contract with its model: what comes in, and what the services write."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.intake.api import inbound
from services.intake.domain.shapes import SHAPES
from services.retention.actions.holds import RELEASED
from shared import dead_letters
from shared.events import HoldChanged, models
from shared.topics import TOPICS

Json = dict[str, Any]
Model = type[msgspec.Struct]


class Undocumented(Exception):
    """Something of the contract has no model or no example; the sentence names the mend."""


OUTBOUND: Mapping[str, Model] = {**models(), RELEASED: HoldChanged, dead_letters.TYPE: dead_letters.Parked}
INBOUND: Mapping[str, Model] = SHAPES


def declared() -> dict[str, Model]:
    """Give each type that a topic carries with its model, in the order of their names."""
    found = {}
    for kind in sorted({kind for topic in TOPICS for kind in topic.types} | INBOUND.keys()):
        model = INBOUND.get(kind) or OUTBOUND.get(kind)
        if model is None:
            raise Undocumented(
                f"{kind} is declared in shared/topics.py and has no model; give it one in shared/events."
            )
        found[kind] = model
    return found


def schemas() -> dict[str, Json]:
    """Give the schema of every model by its name, those of inbound events with how dates are written."""
    models = sorted(set(declared().values()), key=str)
    _, written = msgspec.json.schema_components(models, ref_template=inbound.REF)
    for model in models:
        _instants(model, written[model.__name__])
    return dict(sorted({**written, **inbound.schemas()}.items()))


def _instants(model: Model, schema: Json) -> None:
    """Say that instants carry an offset: the models leave it to what they are given."""
    for field in msgspec.structs.fields(model):
        told = schema["properties"][field.encode_name]
        if field.type in (datetime, datetime | None):
            next(each for each in told.get("anyOf", [told]) if each["type"] == "string")["format"] = "date-time"


def alone(kind: str, known: Mapping[str, Json]) -> Json:
    """Give the schema of a type's data as a document of its own."""
    name = declared()[kind].__name__
    needed = sorted(_reached(name, known) - {name})
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:tenure:schema:{kind}"}
    body = {**known[name], "title": kind}
    if needed:
        body["$defs"] = {each: known[each] for each in needed}
    return {**head, **_moved(body)}


def _reached(name: str, known: Mapping[str, Json]) -> set[str]:
    found, waiting = {name}, [name]
    while waiting:
        for each in names_in(known[waiting.pop()]):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def names_in(node: Any) -> Iterator[str]:
    """Find the names of all schemas that this one refers to."""
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.rpartition("/")[2]
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from names_in(each)


def _moved(node: Any) -> Any:
    """Refer to definitions of the same document."""
    if isinstance(node, dict):
        moved = {key: _moved(value) for key, value in node.items()}
        if isinstance(ref := node.get("$ref"), str):
            moved["$ref"] = f"#/$defs/{ref.rpartition('/')[2]}"
        return moved
    return [_moved(each) for each in node] if isinstance(node, list) else node
