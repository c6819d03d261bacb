"""A collector for traces in the test's own process: what is sent to it over OTLP/HTTP is kept and can be asked for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Told(NamedTuple):
    """One span as it arrived."""

    service: str
    name: str
    trace_id: str
    parent_id: str
    links: tuple[str, ...]
    words: dict[str, object]


class Collector:
    """What has arrived so far."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spans: list[Told] = []

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in of_service.resource.attributes}
            for scope in of_service.scope_spans:
                self.spans += [_told(names["service.name"], each) for each in scope.spans]

    def of(self, trace_id: str) -> dict[str, set[str]]:
        """Give which services told what of a trace."""
        found: dict[str, set[str]] = {}
        for each in self.spans:
            if each.trace_id == trace_id:
                found.setdefault(each.service, set()).add(each.name)
        return found


def _told(service, span) -> Told:
    words = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
    links = tuple(each.trace_id.hex() for each in span.links)
    return Told(service, span.name, span.trace_id.hex(), span.parent_span_id.hex(), links, words)


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen on a free port of this machine until the end of the block."""

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    found = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
