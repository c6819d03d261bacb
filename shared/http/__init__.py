"""The HTTP edge every service shares: one door, one error shape, one transaction per request."""

from shared.http.app import UndeclaredRoute, http_app, serve_api
from shared.http.contract import answers
from shared.http.edge import Edge, edge_of
from shared.http.inputs import (
    ID_PATTERN,
    KEY_MAX,
    Asker,
    IfMatch,
    Now,
    Page,
    Paged,
    Today,
    Transaction,
    among_words,
    etag,
    next_link,
)
from shared.http.repeats import Idempotent, Repeat, once

__all__ = [
    "ID_PATTERN",
    "KEY_MAX",
    "Asker",
    "Edge",
    "Idempotent",
    "IfMatch",
    "Now",
    "Page",
    "Paged",
    "Repeat",
    "Today",
    "Transaction",
    "UndeclaredRoute",
    "among_words",
    "answers",
    "edge_of",
    "etag",
    "http_app",
    "next_link",
    "once",
    "serve_api",
]
