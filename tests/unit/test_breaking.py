"""What a new contract takes away is told, and what it adds is not."""

from copy import deepcopy

import pytest

from tools.documents.breaking import of_asyncapi, of_openapi, of_vectors

NAME = {"type": "string", "maxLength": 8}
EVENT = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": NAME,
        "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "c": {"enum": ["x", "y"]},
        "d": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
    },
}
PART = {"type": "object", "required": ["p"], "properties": {"p": {"type": "boolean"}}}


def asyncapi(kind: str) -> dict:
    message = {"name": "tenure.x.y.v1", "payload": {"$ref": "#/components/schemas/Event"}}
    channel = {"tags": [{"name": kind}], "messages": {"XY": {"$ref": "#/components/messages/XY"}}, "x-read-by": ["us"]}
    parts = {"messages": {"XY": message}, "schemas": {"Event": deepcopy(EVENT), "Part": deepcopy(PART)}}
    return {"channels": {"x.v1": channel}, "components": parts}


def openapi() -> dict:
    schema = {"$ref": "#/components/schemas/Event"}
    operation = {
        "x-roles": ["auditor", "archivist"],
        "parameters": [{"in": "query", "name": "state", "schema": {"enum": ["open", "closed"]}}],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}, "404": {}},
    }
    schemas = {"Event": deepcopy(EVENT), "Part": deepcopy(PART)}
    return {"paths": {"/v1/x": {"post": operation}}, "components": {"schemas": schemas}}


def changed(document: dict, path: str, value: object = None) -> dict:
    *way, last = path.split(" ")
    node = document
    for part in way:
        node = node[int(part) if isinstance(node, list) else part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return document


EVENT_AT = "components schemas Event"
MAY_BE_MISSING = f"{EVENT_AT} required"
CASES = [
    pytest.param("channels x.v1", None, "both", "the topic is gone", id="topic"),
    pytest.param("channels x.v1 messages XY", None, "both", "XY is not on it any more", id="event"),
    pytest.param("channels x.v1 x-read-by", [], "both", "us may not read it any more", id="reader"),
    pytest.param(f"{EVENT_AT} properties b", None, "both", "/b: the field is gone", id="field"),
    pytest.param("components schemas Part properties p", None, "both", "/d/*/p: the field is gone", id="inner field"),
    pytest.param(f"{EVENT_AT} properties c", {"enum": ["x"]}, "both", "/c: y ", id="value"),
    pytest.param(f"{EVENT_AT} properties a", {"type": "integer"}, "both", "/a: ", id="another type"),
    pytest.param(f"{EVENT_AT} required", ["a", "b"], "inbound", "/b: is required now", id="newly required"),
    pytest.param(MAY_BE_MISSING, [], "public", "/a: may be missing now", id="newly missing"),
    pytest.param(f"{EVENT_AT} properties b", {"type": "integer"}, "inbound", "null is not taken", id="no null"),
    pytest.param(f"{EVENT_AT} properties a maxLength", 7, "inbound", "maxLength is narrower", id="tighter"),
    pytest.param(f"{EVENT_AT} properties a pattern", "^x", "inbound", "the pattern has changed", id="pattern"),
    pytest.param(f"{EVENT_AT} properties a enum", ["x"], "inbound", "only some values", id="a list of values"),
    pytest.param(f"{EVENT_AT} additionalProperties", False, "inbound", "unknown fields", id="closed"),
]


@pytest.mark.parametrize(("path", "value", "kind", "told"), CASES)
def test_what_an_event_loses_is_told(path, value, kind, told):
    for each in ("inbound", "public") if kind == "both" else (kind,):
        [said] = of_asyncapi(asyncapi(each), changed(asyncapi(each), path, value))
        assert told in said


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        pytest.param("channels y.v1", {}, "public", id="topic"),
        pytest.param(f"{EVENT_AT} properties e", NAME, "inbound", id="field"),
        pytest.param(f"{EVENT_AT} properties c", {"enum": ["x", "y", "z"]}, "inbound", id="value"),
        pytest.param(f"{EVENT_AT} properties a maxLength", 9, "inbound", id="wider"),
        pytest.param(f"{EVENT_AT} required", [], "inbound", id="no longer required"),
        pytest.param(f"{EVENT_AT} required", ["a", "b"], "public", id="always there"),
    ],
)
def test_what_is_added_breaks_nobody(path, value, kind):
    assert list(of_asyncapi(asyncapi(kind), changed(asyncapi(kind), path, value))) == []


POST = "paths /v1/x post"
REQUIRED = {"in": "header", "name": "If-Match", "required": True, "schema": NAME}


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        pytest.param("paths /v1/x", None, "POST /v1/x: the route is gone", id="route"),
        pytest.param(f"{POST} x-roles", ["auditor"], "archivist may not enter", id="role"),
        pytest.param(f"{POST} parameters", [], "the parameter state is gone", id="parameter"),
        pytest.param(f"{POST} parameters 0 schema enum", ["open"], "state: closed is not taken", id="its value"),
        pytest.param(f"{POST} parameters 0 required", True, "state is required now", id="required"),
        pytest.param(f"{POST} requestBody required", True, "a body is required now", id="body"),
        pytest.param(f"{POST} requestBody content", {}, "application/json is not taken", id="media type"),
        pytest.param(f"{POST} responses 200", None, "no answer 200 any more", id="answer"),
        pytest.param(f"{POST} responses 200 content", {}, "no answer as application/json", id="answer's media type"),
    ],
)
def test_what_a_route_loses_is_told(path, value, told):
    [said] = of_openapi(openapi(), changed(openapi(), path, value))
    assert told in said


def test_a_route_reads_and_answers_the_same_model_each_by_its_own_rule():
    fewer = of_openapi(openapi(), changed(openapi(), MAY_BE_MISSING, []))
    assert list(fewer) == ["POST /v1/x 200/a: may be missing now"]
    more = of_openapi(openapi(), changed(openapi(), MAY_BE_MISSING, ["a", "b"]))
    assert list(more) == ["POST /v1/x body/b: is required now"]


def test_an_id_that_is_made_otherwise_is_told():
    old = {"vectors": [{"of": "record_id", "parts": ["a"], "value": "1"}]}
    assert list(of_vectors(old, {"vectors": [{**old["vectors"][0], "value": "2"}]}))
    assert not list(of_vectors(old, {"vectors": [*old["vectors"], {"of": "x", "parts": [], "value": "3"}]}))
