"""`tenure reapply`: after a restored backup, erase again what was disposed of since."""

import argparse
import asyncio
from datetime import UTC, datetime

from confluent_kafka import KafkaException
from rich.console import Console

from shared.db import connect, transaction
from shared.errors import LifecycleError
from shared.keys import keys_of
from shared.settings import Settings
from tools import reapply
from tools.adapters.progress import stage
from tools.cli.running import take_settings, worker_url
from tools.reapply import SET_SIZE, Gone
from tools.stack.errors import StackError

NAME = "reapply"
HELP = "after a database was restored: erase again what was disposed of since its backup, as the topics tell"
EXAMPLES = """  ./tenure reapply --dry-run      how much of what was disposed of is here again
  ./tenure reapply                erase it; may be repeated
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dry-run", action="store_true", help="only count")


def run(args: argparse.Namespace) -> int:
    """Find what came back, and erase it."""
    take_settings()
    settings = Settings()
    try:
        told = reapply.read(settings.brokers)
        asyncio.run(_reapply(settings, told, dry=args.dry_run))
    except LifecycleError as error:
        raise StackError(error.message) from None
    except KafkaException:
        raise StackError(f"Kafka at {settings.kafka} does not answer; `./tenure status` shows what runs.") from None
    return 0


async def _reapply(settings: Settings, told: reapply.Told, *, dry: bool) -> None:
    keys, console = keys_of(settings, "intake"), Console(stderr=True)
    engines = {name: connect(worker_url(settings, name), name="reapply", pool_size=1) for name in ("intake", "review")}
    verbs = {"intake": reapply.erase_here, "review": reapply.erase_in_review}
    try:
        async with transaction(engines["intake"]) as connection:
            gone = await reapply.missing(connection, told, keys.reference)
        print(f"{len(told.notices):,} notices and {len(told.certificates):,} certificates read")
        print(f"{len(gone):,} disposals are not known to intake" + ("; nothing was done" if dry else ""))
        for service, erase in verbs.items() if not dry else ():
            bodies = 0
            with stage(console, service, len(gone)) as advance:
                for some in _sets(gone):
                    async with transaction(engines[service]) as connection:
                        bodies += await erase(connection, some, datetime.now(UTC))
                    advance(len(some))
            print(f"{service:<10}{bodies:,} sealed bodies erased again")
    finally:
        for engine in engines.values():
            await engine.dispose()


def _sets(gone: list[Gone]) -> list[list[Gone]]:
    return [gone[at : at + SET_SIZE] for at in range(0, len(gone), SET_SIZE)]
