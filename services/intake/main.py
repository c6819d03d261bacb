"""Wire intake together. The only module that reads settings, clocks or sockets."""

import sys

from services.intake import agents
from services.intake.actions.take_in import Desk
from services.intake.schedule import Watermarks
from shared.policy import read_pack
from shared.settings import Settings
from shared.worker import Worker


def worker(settings: Settings) -> Worker:
    """Build the stream process."""
    built = Worker(settings, "intake")
    pack = read_pack(settings.policy.read_bytes(), settings.policy.name)
    agents.attach(built, Desk(built.keys, pack, settings.slot))
    built.before_relay_second(Watermarks(built.relay.route))
    return built


def main(kind: str) -> None:
    """Run one kind of process: `python -m services.intake.main worker|api`."""
    settings = Settings()
    if kind == "worker":
        worker(settings).run()
    else:
        from services.intake.api import serve

        serve(settings)


if __name__ == "__main__":
    main(sys.argv[1])
