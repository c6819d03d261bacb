"""What the contract says of every route: who may enter, what to send along, each answer and each refusal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from shared.auth import ANYONE
from shared.http.inputs import _if_match, _page
from shared.http.problems import MEDIA_TYPE, TITLES
from shared.http.repeats import _repeat

Json = dict[str, Any]

_TEXT = {"type": "string"}
_PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457): a stable code, and a sentence that names the mend.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:tenure:problem:[a-z0-9_]+$"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "detail": _TEXT,
        "instance": {"type": "string", "description": "Of a 500: what to tell whoever runs the service."},
        "errors": {
            "type": "array",
            "description": "Of a 422: each place and its mend.",
            "items": {
                "type": "object",
                "required": ["pointer", "type", "mend"],
                "properties": {"pointer": _TEXT, "type": _TEXT, "mend": _TEXT},
            },
        },
    },
}
_ETAG = {"description": "The version shown; `If-Match` of a change names it.", "required": True, "schema": _TEXT}
_LINK = {"description": 'Where the next page is, `rel="next"`; absent on the last.', "schema": _TEXT}
_HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": {"required": True, "schema": _TEXT}},
    503: {"Retry-After": {"required": True, "schema": _TEXT}},
}
_ALWAYS = (414, 431, 500)
_NAMED = (401, 403, 503)  # 503 also where the issuer's keys cannot be read.
_WITH_BODY = (400, 408, 413)
_BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the force's issuer; `x-roles` of an operation are the roles of which it must give one.",
}


class _Asks(NamedTuple):
    """What it means for a route to ask for one of `inputs`: a header to send, refusals, a header of the answer."""

    header: Json | None = None
    refused: tuple[int, ...] = ()
    answered: Mapping[str, Json] = {}


def _header(name: str, pattern: str, says: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": True, "description": says, "schema": schema}


_ASKED: Mapping[Callable[..., Any], _Asks] = {
    _if_match: _Asks(
        _header("If-Match", '^"[0-9]{1,18}"$', "The ETag of what was read: a change says which version it means."),
        (400, 412, 428),
    ),
    _repeat: _Asks(
        _header("Idempotency-Key", "^[A-Za-z0-9._:-]{8,64}$", "Sent again under the same key, it is done once."),
        (400, 409),
    ),
    _page: _Asks(refused=(400,), answered={"Link": _LINK}),
}


def answers(model: object, *refused: int, status: int = 200, versioned: bool = False) -> dict[int | str, Json]:
    """Declare a route's answer, and those refusals that only its action gives; every other one is found out."""
    told: Json = {"model": model}
    if versioned:
        told["headers"] = {"ETag": _ETAG}
    return {status: told, **{code: {} for code in refused}}


def contract_of(
    title: str,
    routers: Sequence[APIRouter],
    table: Mapping[str, frozenset[str]],
    schemas: Mapping[str, Json] | None = None,
) -> tuple[FastAPI, Json]:
    """Make the app of these routes and its OpenAPI document; `schemas` are those that no route's own model gives."""
    app = FastAPI(title=title, version="1", docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    document = app.openapi()
    asked = {
        f"{method} {route.path}": list(_asks(route))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            route = f"{method.upper()} {path}"
            _complete(operation, table.get(route, ANYONE), asked[route])
    _components(document, schemas or {})
    return app, document


def _asks(route: RouteContext) -> Iterator[_Asks]:
    waiting: list[Dependant] = [route.dependant] if isinstance(route.original_route, APIRoute) else []
    while waiting:
        found = waiting.pop()
        waiting.extend(found.dependencies)
        if found.call is not None and found.call in _ASKED:
            yield _ASKED[found.call]


def _complete(operation: Json, roles: frozenset[str], asked: Sequence[_Asks]) -> None:
    refused = {*_ALWAYS, *(code for each in asked for code in each.refused)}
    if roles != ANYONE:
        operation["security"] = [{"bearer": []}]
        operation["x-roles"] = sorted(roles)
        refused.update(_NAMED)
    if "requestBody" in operation:
        refused.update(_WITH_BODY)
    if headers := [each.header for each in asked if each.header]:
        operation["parameters"] = [*operation.get("parameters", []), *headers]
    answered = operation["responses"]
    refused.update(int(code) for code in answered if code >= "400" and "content" not in answered[code])
    refused.update(int(code) for code in answered if code == "422")
    for code in sorted(refused):
        if code != 503 or "content" not in answered.get("503", {}):  # `readyz` has an answer of its own.
            answered[str(code)] = {"$ref": f"#/components/responses/Refused{code}"}
    _succeed(answered, asked)
    operation["responses"] = dict(sorted(answered.items()))


def _succeed(answered: Json, asked: Sequence[_Asks]) -> None:
    for code, answer in answered.items():
        if code >= "300":
            continue
        if headers := {name: told for each in asked for name, told in each.answered.items()}:
            answer.setdefault("headers", {}).update(headers)
        for content in answer.get("content", {}).values():
            if "$ref" in content.get("schema", {}):
                # FastAPI leaves what it makes of the annotation, an object of anything, beside the model's name.
                content["schema"] = {"$ref": content["schema"]["$ref"]}


def _components(document: Json, schemas: Mapping[str, Json]) -> None:
    parts = document.setdefault("components", {})
    known = {name: schema for name, schema in parts.get("schemas", {}).items() if "ValidationError" not in name}
    assert not known.keys() & schemas.keys(), f"two schemas of one name: {known.keys() & schemas.keys()}"
    parts["schemas"] = dict(sorted({**known, **schemas, "Problem": _PROBLEM}.items()))
    parts["responses"] = {f"Refused{code}": _refused(code) for code in sorted(TITLES)}
    parts["securitySchemes"] = {"bearer": _BEARER}


def _refused(code: int) -> Json:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": _HEADERS[code]} if code in _HEADERS else {}
    return {"description": TITLES[code] + ".", **headers, "content": content}
