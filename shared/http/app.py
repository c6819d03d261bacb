"""The app of a service: its routes behind the door, in one declared table of who may enter."""

from collections.abc import Mapping, Sequence
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException

from shared.collector import ANSWERS, collect_seldom
from shared.errors import LifecycleError
from shared.http import house
from shared.http.contract import contract_of
from shared.http.door import HEADER_BYTES_MAX, Door
from shared.http.edge import Edge
from shared.http.problems import refuse, refuse_http, refuse_malformed, vocabulary
from shared.metrics import Meter
from shared.tracing import spans_of

CONCURRENT_REQUESTS_MAX = 256
KEEP_ALIVE_SECONDS = 5
DRAIN_SECONDS_MAX = 8
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
_CONTRACT = "GET /openapi.json"


class UndeclaredRoute(Exception):
    """The declared table of roles and the routes of the app differ: the process must not start."""


def http_app(
    title: str,
    *,
    engine: AsyncEngine,
    routes: Mapping[str, frozenset[str]],
    routers: Sequence[APIRouter],
    edge: Edge,
    schemas: Mapping[str, Any] | None = None,
) -> FastAPI:
    """Make a service's app; a route without roles in `routes`, or roles without a route, is refused at once."""
    table = {**house.HOUSE_ROLES, **routes}
    app, contract = contract_of(title, (house.router, *routers), table, schemas)
    _compare(contract, table)
    meter = Meter(edge.service, f"{edge.service}-api")
    app.state.engine, app.state.edge, app.state.meter = engine, edge, meter
    app.state.vocabulary = vocabulary(contract)
    app.add_exception_handler(LifecycleError, refuse)
    app.add_exception_handler(HTTPException, refuse_http)
    app.add_exception_handler(RequestValidationError, refuse_malformed)
    app.add_middleware(
        Door,
        table=table,
        issuer=edge.issuer,
        meter=meter,
        spans=spans_of(edge.service, f"{edge.service}-api"),
        body_bytes_max=edge.body_bytes_max,
    )
    return app


def _compare(contract: Mapping[str, Any], table: Mapping[str, frozenset[str]]) -> None:
    there = {_CONTRACT} | {
        f"{method.upper()} {path}" for path, item in contract["paths"].items() for method in item if method in _METHODS
    }
    if missing := there - table.keys():
        raise UndeclaredRoute(f"No roles are declared for {', '.join(sorted(missing))}; add them to ROLES.")
    if stale := table.keys() - there:
        raise UndeclaredRoute(f"ROLES names {', '.join(sorted(stale))}, which the app does not have; remove them.")
    if empty := [route for route, roles in table.items() if not roles]:
        raise UndeclaredRoute(f"ROLES lets nobody enter {', '.join(sorted(empty))}; name a role or remove the route.")


async def serve_api(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until told to stop; requests under way get a few seconds to end."""
    collect_seldom(ANSWERS)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # A path can hold a crime number; the counts are in /metrics.
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONCURRENT_REQUESTS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        h11_max_incomplete_event_size=2 * HEADER_BYTES_MAX,
    )
    await uvicorn.Server(config).serve()
