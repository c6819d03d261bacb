"""HTTP in: parse, call one action, answer."""

from collections.abc import Mapping

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.retention.api import disposals, holds, identities, records, waiting
from shared.http import Edge, http_app
from shared.policy import Pack

ROLES: Mapping[str, frozenset[str]] = {
    **records.ROLES,
    **holds.ROLES,
    **disposals.ROLES,
    **waiting.ROLES,
    **identities.ROLES,
}
TITLE = "Tenure: retention"
ROUTERS = [records.router, holds.router, disposals.router, waiting.router, identities.router]


def make_app(engine: AsyncEngine, edge: Edge, pack: Pack) -> FastAPI:
    """Make retention's app."""
    app = http_app(TITLE, engine=engine, routes=ROLES, routers=ROUTERS, edge=edge)
    app.state.pack = pack
    return app
