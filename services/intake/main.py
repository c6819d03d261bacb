"""Wire intake together. The only module that reads settings, clocks or sockets."""

import asyncio
import sys

from services.intake import agents, schedule
from services.intake.actions.cases import Desks
from services.intake.domain.pacing import NOTHING, Limits, beside
from services.intake.storage import letters
from shared import retrying
from shared.apart import SUSPECT
from shared.consumer import group_of
from shared.db import connect
from shared.events import REGISTERED
from shared.keys import keys_of
from shared.logs import start_logs
from shared.policy import read_pack
from shared.retrying import Rules
from shared.settings import Settings
from shared.starting import settings_of
from shared.suspects import try_suspect
from shared.unread import Unread
from shared.worker import Worker
from shared.yielding import Yielding

EVENTS_BYTES_MAX = 16_000_000


def worker(settings: Settings) -> Worker:
    """Build the stream process."""
    built = Worker(settings, "intake")
    told = (settings.backload_live_rows_max, settings.backload_live_ms_max, settings.backload_share_percent)
    limits = Limits(*told)
    yielding = Yielding(NOTHING, beside(limits))
    desks = Desks(built.keys, built.packs, settings.slot)
    agents.attach(built, desks, yielding)
    undated = Unread(settings.brokers, group_of("retention"), REGISTERED)
    schedule.attach(built, schedule.Pacer(built, yielding, limits, undated.rows))
    schedule.keep_accounts(built, desks)
    retrying.attach(built, Rules(letters.LATER))
    return built


async def api(settings: Settings) -> None:
    """Serve the API until stopped; it needs the database alone, never Kafka."""
    from services.intake.api import make_app  # Only here: a worker serves none of it.
    from shared.http import edge_of, serve_api

    start_logs(settings.log_level, service="intake", process="intake-api")
    keys = keys_of(settings, "intake")
    pack = read_pack(settings.policy.read_bytes(), settings.policy.name)
    engine = connect(settings.database_url("intake"), name="intake-api", pool_size=settings.pool_size)
    edge = edge_of("intake", settings, keys, pack, EVENTS_BYTES_MAX)
    try:
        await serve_api(make_app(engine, edge, keys, settings.slot), settings.host, settings.port)
    finally:
        await engine.dispose()


def main(kind: str) -> None:
    """Run one kind of process: `python -m services.intake.main worker|api`; a worker starts `suspect` itself."""
    settings = settings_of("intake", kind)
    if kind == "worker":
        worker(settings).run()
    elif kind == SUSPECT:
        sys.exit(try_suspect(worker(settings)))
    else:
        asyncio.run(api(settings))


if __name__ == "__main__":
    main(sys.argv[1])
