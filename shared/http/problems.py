"""Refusals as RFC 9457 problems: a stable code, a sentence with the mend, and never a word of what was sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.errors import Code, LifecycleError

ERRORS_SHOWN_MAX = 20
RETRY_AFTER_SECONDS = "2"
MEDIA_TYPE = "application/problem+json"

_STATUS = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.TOO_LARGE: 413,
    Code.PRECONDITION_REQUIRED: 428,
    Code.OVERLOADED: 503,
}
TITLES = {
    400: "The request makes no sense as sent",
    401: "Nobody was named",
    403: "This person may not do this",
    404: "Not held here",
    405: "Not done this way",
    408: "The request took too long to arrive",
    409: "The state of things does not allow it",
    412: "The version meant is not the version held",
    413: "Larger than the limit",
    414: "Longer than the limit",
    415: "Not a kind of content that is read here",
    422: "The request is not as the contract says",
    428: "Say which version you mean",
    431: "More headers than the limit",
    500: "Something is wrong on our side",
    503: "Not now",
}
_WORDS = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
_DETAILS = {
    404: "There is no such path; /openapi.json lists those there are.",
    405: "This path does not take this method; /openapi.json lists those it takes.",
    415: "Send application/json.",
}
_MENDS = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it; the contract has no such field.",
    "json_invalid": "Send well-formed JSON.",
}
_MEND = "Send a value as /openapi.json gives it."


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """Make the answer of a refusal."""
    body = {
        "type": f"urn:tenure:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def refusal(error: LifecycleError) -> JSONResponse:
    """Turn an expected refusal into its answer."""
    status = _STATUS[error.code]
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    return problem(status, error.reason, error.message, headers, **getattr(error, "more", {}))


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """Answer an expected refusal that a route raised."""
    assert isinstance(error, LifecycleError)
    return refusal(error)


async def refuse_http(_: Request, error: Exception) -> JSONResponse:
    """Answer what the framework itself refused; its own sentence is dropped, it may quote the request."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    detail = _DETAILS.get(status, "The request could not be read. " + _MEND)
    return problem(status, _WORDS.get(status, "malformed"), detail, error.headers)


async def refuse_malformed(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that is not as the contract says: where and what kind of mistake, never the value."""
    assert isinstance(error, RequestValidationError)
    known: frozenset[str] = request.app.state.vocabulary
    listed = [
        {"pointer": _pointer(each["loc"], known), "type": each["type"], "mend": _mend(each)}
        for each in error.errors()[:ERRORS_SHOWN_MAX]
    ]
    detail = "The request is not as the contract says; `errors` names each place and its mend."
    return problem(422, "malformed", detail, errors=listed)


def _mend(error: Mapping[str, Any]) -> str:
    if error["type"] == "literal_error":
        return f"Send one of {error['ctx']['expected']}."  # The contract's own words, none of the sender's.
    return _MENDS.get(error["type"], _MEND)


def _pointer(place: Sequence[int | str], known: frozenset[str]) -> str:
    # The name of an unknown field is the sender's own word, so it is not repeated.
    return "".join(f"/{part}" if isinstance(part, int) or part in known else "/*" for part in place)


def vocabulary(contract: Mapping[str, Any]) -> frozenset[str]:
    """Collect the names that the contract itself uses: what a pointer may say."""
    words = {"body", "query", "path", "header", "cookie"}
    waiting: list[Any] = [contract]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            words.update(node.get("properties", {}) if isinstance(node.get("properties"), Mapping) else ())
            words.update([node["name"]] if "in" in node and isinstance(node.get("name"), str) else ())
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return frozenset(words)
