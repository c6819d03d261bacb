"""What a worker says of itself over HTTP: alive, ready or waiting for what, and its metrics."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.db import transaction, transient
from shared.metrics import MEDIA_TYPE, READY, Meter
from shared.migrations import AWAY, NOT_LET_IN, folder_of, lacking, not_let_in

if TYPE_CHECKING:
    from shared.kafka import BatchSource
    from shared.relay import Relay

log = logging.getLogger(__name__)

DATABASE_SECONDS_MAX = 2
LOOK_SECONDS = 1


class Process(Protocol):
    """What health asks a worker for."""

    service: str
    engine: AsyncEngine
    relay: "Relay"
    sources: "list[BatchSource]"
    meter: Meter
    tells: dict[str, Any]


async def database_checks(engine: AsyncEngine, migrations: Path) -> tuple[dict[str, bool], list[str]]:
    """Check the database and its migrations; what does not hold is said in a sentence with its mend."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX), transaction(engine) as connection:
            lacks = await lacking(connection, migrations)
    except Exception as error:
        if not_let_in(error):
            return {"database": False}, [NOT_LET_IN]
        if not transient(error):
            raise
        return {"database": False}, [AWAY]
    return {"database": True, "migrations": lacks is None}, [lacks] if lacks else []


async def until_migrated(worker: Process, host: str, port: int) -> None:
    """Wait for this code's tables, and say so over HTTP meanwhile; where they are there this is one question."""
    checks, waits_for = await database_checks(worker.engine, folder_of(worker.service))
    server = uvicorn.Server(uvicorn.Config(health_app(worker), host, port, log_config=None, access_log=False))
    serving = None if all(checks.values()) else asyncio.create_task(server.serve())
    told: list[str] = []
    while serving is not None and not all(checks.values()):
        if waits_for != told:
            log.warning("%s", " ".join(waits_for), extra={"action": "waits_for_tables"})
        told = waits_for
        await asyncio.wait([serving], timeout=LOOK_SECONDS)
        if serving.done():
            break  # It was told to stop: what it heard is raised again, and ends the process.
        checks, waits_for = await database_checks(worker.engine, folder_of(worker.service))
    if serving is not None:
        server.should_exit = True
        await serving
    await worker.engine.dispose()  # Its connections belong to this loop.


async def readiness(worker: Process) -> tuple[dict[str, bool], list[str]]:
    """Check what a worker needs to read, settle and publish; gives the checks, and what is away in sentences."""
    checks = {
        "kafka": bool(worker.sources) and all(source.ready for source in worker.sources),
        "relay": worker.relay.is_alive() and bool(worker.relay.partitions),
    }
    stored, waits_for = await database_checks(worker.engine, folder_of(worker.service))
    if worker.relay.ident is None:
        waits_for.append("Kafka is asked once the database has the tables.")
    else:
        waits_for += [source.waits_for for source in worker.sources if not source.ready]
    if not checks["relay"] and not waits_for:
        waits_for.append("The relay has not opened its session yet; what changed is published when it has.")
    return checks | stored, waits_for


def note(meter: Meter, checks: Mapping[str, bool]) -> None:
    """Let the metrics say how the checks stand."""
    for check, holds in checks.items():
        meter.set(READY, int(holds), check)


def health_app(worker: Process) -> Starlette:
    """Give the worker's health: alive while its loop turns, ready while it reads, publishes and has its tables."""

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        checks, waits_for = await readiness(worker)
        ready = all(checks.values())
        status, lanes = "ready" if ready else "waiting", sorted(worker.relay.producers)
        said = {"status": status, "checks": checks, "waits_for": list(dict.fromkeys(waits_for)), "lanes": lanes}
        return JSONResponse({**said, **worker.tells}, 200 if ready else 503)

    async def metrics(_: Request) -> Response:
        note(worker.meter, (await readiness(worker))[0])
        return Response(worker.meter.text(), media_type=MEDIA_TYPE)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
