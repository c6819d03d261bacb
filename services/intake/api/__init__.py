"""HTTP in: parse, call one action, answer."""

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.actions.access import OVERSEERS
from services.intake.actions.cases import Desks
from services.intake.api import (
    access,
    access_reviews,
    accounts,
    alerts,
    backload,
    events,
    manifests,
    objects,
    quarantine,
    records,
    stewarding,
    timeliness,
)
from services.intake.api.inbound import schemas
from shared.auth import STAFF_ROLES
from shared.http import Edge, http_app
from shared.keys import Keys
from shared.metrics import VIEWS

_PROCESS = frozenset(
    {"data_steward", "records_manager", "auditor", "data_protection_officer", "head_of_information_management"}
)
_VIEWERS = frozenset({"reviewing_officer", "records_manager", "disclosure_officer"})
_VIEWERS |= {"head_of_information_management", "professional_standards"}  # What each sees the pack's table says.
_STANDARDS = frozenset({"professional_standards"})
_ANYBODY = STAFF_ROLES - {"compliance_dashboard"}  # One's own views, and why one looked: the route sees to it.

_ACCOUNTS = _PROCESS | {"upstream", "compliance_dashboard"}

ROLES: dict[str, frozenset[str]] = {
    "POST /v1/events": frozenset({"upstream"}),
    "GET /v1/receipts": _PROCESS | {"upstream"},
    "GET /v1/records/{record_id}": _PROCESS | _VIEWERS,
    "POST /v1/records/{record_id}/views": _VIEWERS,
    "GET /v1/records/{record_id}/logs": OVERSEERS,
    "GET /v1/records/{record_id}/sensitive": OVERSEERS | {"head_of_information_management"},
    "POST /v1/records/{record_id}/sensitive": _STANDARDS | {"head_of_information_management"},
    "GET /v1/access": _ANYBODY,
    "GET /v1/access-alerts": OVERSEERS,
    "GET /v1/access-alerts/{alert_id}": OVERSEERS,
    "POST /v1/access-alerts/{alert_id}/close": _STANDARDS,
    "GET /v1/access-reviews": _ANYBODY,
    "POST /v1/access-reviews": _STANDARDS,
    "GET /v1/access-reviews/{review_id}": OVERSEERS,
    "GET /v1/access-reviews/{review_id}/answers": _ANYBODY,
    "POST /v1/access-reviews/{review_id}/answers": _ANYBODY,
    "POST /v1/access-reviews/{review_id}/conclude": _STANDARDS,
    "POST /v1/objects/search": _VIEWERS,
    **quarantine.ROLES,
    **stewarding.ROLES,
    "GET /v1/backload": _PROCESS,
    "PUT /v1/backload": frozenset({"data_steward", "head_of_information_management"}),
    "GET /v1/reconciliation": _ACCOUNTS,
    "POST /v1/manifests": frozenset({"upstream"}),
    "GET /v1/manifests": _ACCOUNTS,
    "GET /v1/timeliness": _ACCOUNTS,
    "GET /v1/timeliness/spread": _ACCOUNTS,
    "GET /v1/timeliness/late": _PROCESS,
}
TITLE = "Tenure: intake"
ROUTERS = (
    *(accounts.router, manifests.router, timeliness.router),
    *(access.router, access_reviews.router, alerts.router),
    *(backload.router, events.router, objects.router, stewarding.router, quarantine.router, records.router),
)


def make_app(engine: AsyncEngine, edge: Edge, keys: Keys, slot: int) -> FastAPI:
    """Make intake's app."""
    app = http_app(TITLE, engine=engine, routes=ROLES, routers=ROUTERS, edge=edge, schemas=schemas())
    app.state.desks = Desks(keys, edge.packs, slot)
    for outcome in ("shown", "refused"):
        app.state.meter.count(VIEWS, outcome, by=0)
    return app
