"""Wire retention together. The only module that reads settings, clocks or sockets."""

import asyncio
import sys

from services.retention import agents, lifecycle_agents, redating, schedule
from services.retention.actions.packs import whole_pack
from services.retention.announcer import Announcer
from services.retention.settler import Settler
from services.retention.storage import letters, parked
from shared import retrying
from shared.apart import SUSPECT
from shared.db import connect
from shared.events import SCHEDULES
from shared.keys import keys_of
from shared.logs import start_logs
from shared.metrics import PUBLISHED
from shared.policy import read_pack
from shared.retrying import Rules
from shared.settings import Settings
from shared.starting import settings_of
from shared.suspects import try_suspect
from shared.worker import RelayKeeper, Worker


def worker(settings: Settings) -> Worker:
    """Build the stream process."""
    built = Worker(settings, "retention")
    built.packs.read = whole_pack
    announcer = Announcer(built.relay.route, lambda count: built.meter.count(PUBLISHED, SCHEDULES, by=count))
    built.app.service(RelayKeeper(built.app, announcer))
    settler = Settler(built, announcer)
    built.app.service(settler)
    life = lifecycle_agents.lifecycle_of(built, announcer)
    agents.attach(built, settler, lifecycle_agents.handlers(life))
    schedule.attach(built, settler)
    lifecycle_agents.attach_ticks(life)
    redating.attach(settler)
    retrying.attach(built, Rules(letters.LATER, parked.free))
    return built


async def api(settings: Settings) -> None:
    """Serve the API until stopped."""
    from services.retention.api import make_app  # Only here: a worker serves none of it.
    from shared.http import edge_of, serve_api

    start_logs(settings.log_level, service="retention", process="retention-api")
    keys = keys_of(settings, "retention")
    pack = read_pack(settings.policy.read_bytes(), settings.policy.name)
    engine = connect(settings.database_url("retention"), name="retention-api", pool_size=settings.pool_size)
    try:
        await serve_api(make_app(engine, edge_of("retention", settings, keys, pack)), settings.host, settings.port)
    finally:
        await engine.dispose()


def main(kind: str) -> None:
    """Run one kind of process: `python -m services.retention.main worker|api`; a worker starts `suspect` itself."""
    settings = settings_of("retention", kind)
    if kind == "worker":
        worker(settings).run()
    elif kind == SUSPECT:
        sys.exit(try_suspect(worker(settings)))
    else:
        asyncio.run(api(settings))


if __name__ == "__main__":
    main(sys.argv[1])
