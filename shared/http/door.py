"""The door every request comes through: limits first, then who asks, then the route; nothing leaves it unexplained."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from re import Pattern
from traceback import extract_tb

from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth import ANYONE, Issuer
from shared.clock import monotonic
from shared.db import transient
from shared.errors import Forbidden, LifecycleError
from shared.http.problems import RETRY_AFTER_SECONDS, problem, refusal
from shared.ids import random_id
from shared.metrics import REQUEST_SECONDS, REQUESTS, Meter
from shared.tracing import HEADER, Carried, Spans, made, read, within

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 1024 * 1024
BODY_SECONDS_MAX = 20.0
HEADERS_MAX = 64
HEADER_BYTES_MAX = 16 * 1024
QUERY_BYTES_MAX = 4 * 1024
PATH_BYTES_MAX = 1024

Table = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Entrance:
    """One route of the declared table: its method, its template, and the roles that may enter."""

    method: str
    template: str
    pattern: Pattern[str]
    roles: frozenset[str]


def entrances(table: Table) -> list[Entrance]:
    """Read the declared table; templates with fewer variables come first, as the router has them."""
    found = []
    for route, roles in table.items():
        method, _, template = route.partition(" ")
        found.append(Entrance(method, template, compile_path(template)[0], roles))
    return sorted(found, key=lambda each: each.template.count("{"))


class _Turned(Exception):
    """The request gets this answer and goes no further."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


class Door:
    """An ASGI middleware: what is not in the declared table is not there, and every answer has the one shape."""

    def __init__(
        self, app: ASGIApp, *, table: Table, issuer: Issuer, meter: Meter, spans: Spans, body_bytes_max: int
    ) -> None:
        self.app = app
        self.entrances = entrances(table)
        self.issuer = issuer
        self.meter, self.spans = meter, spans
        self.body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        visit = _Visit(send)
        came = read(_header(scope, HEADER.encode()))
        with within(came or made(visit.id)):
            await self._serve(scope, receive, visit, Carried((came,), True) if came else Carried())

    async def _serve(self, scope: Scope, receive: Receive, visit: "_Visit", came: Carried) -> None:
        route = "unknown"
        try:
            _measure(scope)
            entrance = self._find(scope)
            route = f"{entrance.method} {entrance.template}"
            self._admit(scope, entrance)
            body = await self._body(scope, receive)
            _refuse_encoded(scope, body)
            told = entrance.template.startswith("/v1/")  # Probes and scrapes are nobody's work.
            with self.spans.over(route, came, visit.id) if told else nullcontext():
                await self.app(scope, _replay(body, receive), visit.send)
        except Exception as error:
            if visit.status:
                raise  # Half an answer is out; only the connection's end can say that it is not whole.
            await _answer(error, visit.id)(scope, receive, visit.send)
        finally:
            if came.sampled:
                log.info("Answered %s.", visit.status, extra={"request_id": visit.id, "route": route})
            self.meter.count(REQUESTS, route, visit.status)
            self.meter.observe(REQUEST_SECONDS, visit.seconds(), route)

    def _find(self, scope: Scope) -> Entrance:
        here = [each for each in self.entrances if each.pattern.match(scope["path"])]
        for each in here:
            if each.method == scope["method"]:
                return each
        if here:
            allow = {"Allow": ", ".join(sorted({each.method for each in here}))}
            detail = "This path does not take this method; the Allow header lists those it takes."
            raise _Turned(problem(405, "method_not_allowed", detail, allow))
        raise _Turned(problem(404, "not_found", "There is no such path; /openapi.json lists those there are."))

    def _admit(self, scope: Scope, entrance: Entrance) -> None:
        if entrance.roles == ANYONE:
            return
        person = self.issuer.person(_header(scope, b"authorization"))
        scope.setdefault("state", {})["person"] = person
        if not entrance.roles & person.roles:
            needed = " or ".join(sorted(entrance.roles))
            raise Forbidden(f"This needs the role {needed}; your token gives no such role.", "wrong_role")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = _header(scope, b"content-length") or "0"
        if declared.isdecimal() and len(declared) < 20 and int(declared) > self.body_bytes_max:
            raise _Turned(self._too_large())
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                while True:
                    message = await receive()
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self.body_bytes_max:
                        raise _Turned(self._too_large())
                    parts.append(part)
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            detail = f"The body did not arrive within {BODY_SECONDS_MAX:.0f} s. Send it again."
            raise _Turned(problem(408, "too_slow", detail)) from None

    def _too_large(self) -> Response:
        detail = f"The body is larger than {self.body_bytes_max} bytes. Send less, or in parts."
        return problem(413, "too_large", detail, {"Connection": "close"})


class _Visit:
    """One request's answer as it goes out."""

    def __init__(self, send: Send) -> None:
        self.id = str(random_id())
        self.status = 0
        self._send = send
        self._begun = monotonic()

    def seconds(self) -> float:
        return monotonic() - self._begun

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            headers.append((b"x-request-id", self.id.encode()))
            headers.append((b"cache-control", b"no-store"))
            headers.append((b"x-content-type-options", b"nosniff"))
        await self._send(message)


def _answer(error: Exception, visit_id: str) -> Response:
    if isinstance(error, _Turned):
        return error.answer
    if isinstance(error, LifecycleError):
        return refusal(error)
    if transient(error):
        log.warning(
            "A request met a database that does not answer.",
            extra={"request_id": visit_id, "cause": type(error).__name__},
        )
        detail = "The database does not answer, so nothing was done. Send the same request again in a moment."
        return problem(503, "database_unavailable", detail, {"Retry-After": RETRY_AFTER_SECONDS})
    # Where it happened and of what kind; the error's own words may quote content.
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
    words = {"request_id": visit_id, "cause": type(error).__name__, "frames": frames}
    log.error("A request met a defect.", extra=words)
    detail = "Nothing was done. Give this answer's `instance` to whoever runs the service; its log has the cause."
    return problem(500, "internal", detail, instance=f"urn:uuid:{visit_id}")


def _measure(scope: Scope) -> None:
    headers = scope["headers"]
    if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        detail = f"More than {HEADERS_MAX} headers or {HEADER_BYTES_MAX} bytes of them. Send fewer."
        raise _Turned(problem(431, "too_many_headers", detail))
    if len(scope.get("query_string", b"")) > QUERY_BYTES_MAX or len(scope.get("raw_path") or b"") > PATH_BYTES_MAX:
        detail = f"The path may have {PATH_BYTES_MAX} bytes and the query {QUERY_BYTES_MAX}. Send less."
        raise _Turned(problem(414, "too_long", detail))


def _refuse_encoded(scope: Scope, body: bytes) -> None:
    named = b",".join(value for key, value in scope["headers"] if key == b"content-encoding")
    if body and any(coding.strip().lower() not in (b"", b"identity") for coding in named.split(b",")):
        detail = "A compressed body is not read here. Send it as it is, without Content-Encoding."
        raise _Turned(problem(415, "content_encoded", detail, {"Accept-Encoding": "identity"}))


def _header(scope: Scope, name: bytes) -> str | None:
    found: bytes | None = next((value for key, value in scope["headers"] if key == name), None)
    return None if found is None else found.decode("latin-1")


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
