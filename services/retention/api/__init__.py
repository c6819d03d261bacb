"""HTTP in: parse, call one action, answer."""

from collections.abc import Mapping

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.retention.actions.packs import whole_pack
from services.retention.api import blockers, disposals, holds, identities, records, rule_changes, waiting
from shared.http import Edge, http_app

_PARTS = (records, holds, disposals, waiting, identities, blockers, rule_changes)
ROLES: Mapping[str, frozenset[str]] = {route: roles for part in _PARTS for route, roles in part.ROLES.items()}
TITLE = "Tenure: retention"
ROUTERS = [part.router for part in _PARTS]


def make_app(engine: AsyncEngine, edge: Edge) -> FastAPI:
    """Make retention's app."""
    edge.packs.read = whole_pack
    return http_app(TITLE, engine=engine, routes=ROLES, routers=ROUTERS, edge=edge)
