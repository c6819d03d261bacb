"""HTTP in: parse, call one action, answer."""

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.actions.cases import Desk
from services.intake.api import events, quarantine, records
from shared.http import Edge, http_app

_STEWARDS = frozenset({"data_steward"})
_PROCESS = frozenset(
    {"data_steward", "records_manager", "auditor", "data_protection_officer", "head_of_information_management"}
)
_VIEWERS = frozenset({"reviewing_officer", "records_manager", "disclosure_officer"})

ROLES: dict[str, frozenset[str]] = {
    "POST /v1/events": frozenset({"upstream"}),
    "GET /v1/receipts": _PROCESS | {"upstream"},
    "GET /v1/records/{record_id}": _PROCESS | _VIEWERS,
    "POST /v1/records/{record_id}/views": _VIEWERS,
    "GET /v1/quarantine": _PROCESS,
    "POST /v1/quarantine/{receipt_id}/replay": _STEWARDS,
    "GET /v1/reconciliation": _PROCESS | {"upstream", "compliance_dashboard"},
}


def make_app(engine: AsyncEngine, edge: Edge, desk: Desk) -> FastAPI:
    """Make intake's app."""
    routers = (events.router, quarantine.router, records.router)
    app = http_app("intake", engine=engine, routes=ROLES, routers=routers, edge=edge)
    app.state.desk = desk
    return app
