"""The routes that every service has: health, metrics, the rehearsal clock, the ledger's head."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.auth import ALL_ROLES, ANYONE
from shared.calendar_rules import civil_day
from shared.clock import wall_clock
from shared.db import Connection, driver, transaction, transient
from shared.errors import Conflict, NotFound
from shared.events import encode
from shared.health import database_checks, note
from shared.http.contract import answers
from shared.http.edge import Edge
from shared.http.epochs import EPOCH_ROLES
from shared.http.epochs import router as epochs_router
from shared.http.inputs import Asker, Now, Transaction
from shared.http.letters import LETTER_ROLES
from shared.http.letters import router as letters_router
from shared.ids import named
from shared.log import Entry, put
from shared.metrics import MEDIA_TYPE, Meter
from shared.migrations import AWAY, MEND

router = APIRouter()
router.include_router(epochs_router)
router.include_router(letters_router)

DAYS_AHEAD_MAX = 150 * 366  # Longer than any period: what is asked beyond it is a slip of the pen.
CLOCKS_APART_MAX = timedelta(minutes=5)
MOVED = "tenure.clock.moved.v1"

HOUSE_ROLES: Mapping[str, frozenset[str]] = {
    "GET /livez": ANYONE,
    "GET /readyz": ANYONE,
    "GET /metrics": ANYONE,
    "GET /openapi.json": ANYONE,
    "GET /v1/clock": ALL_ROLES,
    "PUT /v1/clock": frozenset({"head_of_information_management"}),
    "GET /v1/ledger/checkpoint": ALL_ROLES,
    **EPOCH_ROLES,
    **LETTER_ROLES,
}


@router.get("/livez", tags=["health"])
async def livez() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "live"}


class Readiness(BaseModel):
    """Each check by itself, and what mends those that do not hold."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, bool]
    waits_for: list[str]
    pack: str


@router.get("/readyz", tags=["health"], responses={200: {"model": Readiness}, 503: {"model": Readiness}})
async def readyz(request: Request) -> JSONResponse:
    """Say whether the service can work: database, migrations, pack and clock, each by itself, and what mends it."""
    edge = request.app.state.edge
    checks, waits_for = await readiness(request.app.state.engine, edge)
    ready = all(checks.values())
    status = "ready" if ready else "not_ready"
    body = {"status": status, "checks": checks, "waits_for": waits_for, "pack": edge.pack.hash}
    return JSONResponse(body, 200 if ready else 503, headers=None if ready else {"Retry-After": "2"})


async def readiness(engine: AsyncEngine, edge: Edge) -> tuple[dict[str, bool], list[str]]:
    """Check what an API needs; gives the checks that could be made, and what is amiss in sentences."""
    checks, waits_for = await database_checks(engine, edge.migrations)
    if not all(checks.values()):
        return checks, waits_for
    try:
        async with transaction(engine) as connection:
            raw = await driver(connection)
            pack = await edge.packs.current(connection)
            known = await raw.fetchval("SELECT EXISTS (SELECT FROM policy WHERE pack_hash = $1)", pack.hash)
            theirs = await raw.fetchval("SELECT clock_timestamp()")  # Real time: is either host's clock wrong?
    except Exception as error:
        if not transient(error):
            raise
        return {"database": False}, [AWAY]
    checks |= {"policy": bool(known), "clock": abs(wall_clock() - theirs) < CLOCKS_APART_MAX}
    return checks, waits_for + [mend for check, mend in _MENDS.items() if not checks[check]]


_MENDS = {
    "policy": "The database does not hold the pack that this process goes by: correct TENURE_POLICY, or " + MEND + ".",
    "clock": "This host's clock and the database's are minutes apart: set the wrong one right.",
}


@router.get("/metrics", tags=["health"], response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Count what was asked and how it was answered, and say whether the service can work."""
    meter: Meter = request.app.state.meter
    note(meter, (await readiness(request.app.state.engine, request.app.state.edge))[0])
    return Response(meter.text(), media_type=MEDIA_TYPE)


class ClockFace(BaseModel):
    """The civil date that policy goes by, and how far rehearsal has moved it."""

    date: date
    clock: str
    offset_days: int


class ClockTarget(BaseModel):
    """The civil date to move to."""

    model_config = ConfigDict(extra="forbid")

    date: date


@router.get("/v1/clock", tags=["clock"])
async def clock(request: Request, connection: Transaction, now: Now) -> ClockFace:
    """Give the civil date."""
    raw = await driver(connection)
    return _face(request.app.state.edge, now, await raw.fetchval("SELECT offset_days FROM clock"))


@router.put("/v1/clock", tags=["clock"], responses=answers(ClockFace, 409))
async def move_clock(
    target: ClockTarget, request: Request, connection: Transaction, asker: Asker, now: Now
) -> ClockFace:
    """Move the civil date forward; only in rehearsal, never back. Safe to repeat."""
    edge = request.app.state.edge
    if not edge.rehearsal:
        message = "This service goes by the real clock. Only one started with TENURE_CLOCK=rehearsal can be moved."
        raise Conflict(message, "clock_is_real")
    wanted = (target.date - civil_day(now, edge.zone)).days
    raw = await driver(connection)
    held = await raw.fetchval("SELECT offset_days FROM clock FOR UPDATE")
    if wanted < held:
        raise Conflict("The rehearsal clock only moves forward. Choose a later date.", "clock_backwards")
    if wanted > DAYS_AHEAD_MAX:
        raise Conflict("That is further ahead than any period. Choose an earlier date.", "clock_too_far")
    if wanted > held:
        await raw.execute("UPDATE clock SET offset_days = $1", wanted)
        await _say_moved(
            connection, edge.service, Moved(str(target.date), wanted, asker.staff_id or asker.subject), now
        )
    return _face(edge, now, wanted)


@dataclass(frozen=True, slots=True)
class Moved:
    """What the ledger keeps of a moved clock."""

    date: str
    offset_days: int
    by: str


async def _say_moved(connection: Connection, service: str, moved: Moved, now: datetime) -> None:
    subject = named(f"clock\n{service}")
    await put(connection, [Entry(None, service, MOVED, subject, moved.offset_days, encode(moved))], now)


def _face(edge: Edge, now: datetime, offset: int) -> ClockFace:
    day = civil_day(now, edge.zone) + timedelta(days=offset)
    return ClockFace(date=day, clock="rehearsal" if edge.rehearsal else "real", offset_days=offset)


class Checkpoint(BaseModel):
    """The newest signed head of the service's ledger."""

    service: str
    tree_size: int
    root: str = Field(description="hex")
    at: datetime
    signature: str = Field(description="Ed25519, hex")


@router.get("/v1/ledger/checkpoint", tags=["ledger"], responses=answers(Checkpoint, 404))
async def checkpoint(request: Request, response: Response, connection: Transaction) -> Checkpoint:
    """Give the newest signed head of the ledger."""
    raw = await driver(connection)
    row = await raw.fetchrow("SELECT tree_size, root, at, signature FROM head ORDER BY tree_size DESC LIMIT 1")
    if row is None:
        raise NotFound("Nothing is sealed yet. Ask again when the worker has run.", "nothing_sealed")
    return Checkpoint(
        service=request.app.state.edge.service,
        tree_size=row["tree_size"],
        root=row["root"].hex(),
        at=row["at"],
        signature=row["signature"].hex(),
    )
