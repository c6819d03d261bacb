"""Wire review together. The only module that reads settings, clocks or sockets."""

import asyncio
import logging
import sys

from sqlalchemy.ext.asyncio import AsyncEngine

from services.review import agents, schedule
from services.review.domain import Actor
from services.review.storage import letters
from services.review.storage.work import introduce
from shared import retrying
from shared.apart import SUSPECT
from shared.db import connect, persist, transaction
from shared.health import LOOK_SECONDS, database_checks
from shared.keys import keys_of
from shared.logs import start_logs
from shared.migrations import folder_of
from shared.policy import read_pack
from shared.retrying import Rules
from shared.settings import Settings
from shared.starting import settings_of
from shared.suspects import try_suspect
from shared.worker import Worker

log = logging.getLogger(__name__)

# The local stack's made-up people; a real force's come from its own register.
DEMO_PEOPLE = [
    Actor("D-RO1", ("reviewing_officer",), ("G1", "G2", "G3", "G4")),
    Actor("D-RO2", ("reviewing_officer",), ("G1", "G2", "G3", "G4")),
    Actor("D-RM1", ("records_manager",)),
    Actor("D-HIM1", ("head_of_information_management",), ("G1", "G2", "G3", "G4")),
]


def worker(settings: Settings) -> Worker:
    """Build the stream process."""
    built = Worker(settings, "review")
    agents.attach(built)
    schedule.attach(built)
    retrying.attach(built, Rules(letters.LATER))
    return built


async def api(settings: Settings) -> None:
    """Serve the API until stopped."""
    from services.review.api import make_app  # Only here: a worker serves none of it.
    from shared.http import edge_of, serve_api

    start_logs(settings.log_level, service="review", process="review-api")
    keys = keys_of(settings, "review")
    pack = read_pack(settings.policy.read_bytes(), settings.policy.name)
    engine = connect(settings.database_url("review"), name="review-api", pool_size=settings.pool_size)
    app = make_app(engine, edge_of("review", settings, keys, pack), keys)

    introduced = asyncio.create_task(introduce_demo_people(engine)) if settings.env == "local" else None
    try:
        await serve_api(app, settings.host, settings.port)
    finally:
        if introduced is not None:
            introduced.cancel()
        await engine.dispose()


async def introduce_demo_people(engine: AsyncEngine) -> None:
    """Make the demo people known once the database has this service's tables, however late these come."""

    async def introducing() -> None:
        async with transaction(engine) as connection:
            await introduce(connection, DEMO_PEOPLE)

    while not all((await database_checks(engine, folder_of("review")))[0].values()):
        await asyncio.sleep(LOOK_SECONDS)
    await persist(introducing, _told)


def _told(error: BaseException, delay: float) -> None:
    log.warning("The database does not answer yet.", extra={"cause": type(error).__name__, "again_in": delay})


def main(kind: str) -> None:
    """Run one kind of process: `python -m services.review.main worker|api`; a worker starts `suspect` itself."""
    settings = settings_of("review", kind)
    if kind == "worker":
        worker(settings).run()
    elif kind == SUSPECT:
        sys.exit(try_suspect(worker(settings)))
    else:
        asyncio.run(api(settings))


if __name__ == "__main__":
    main(sys.argv[1])
