"""Waits, for a bounded time, until what is under way has arrived: a look at a quiet system is the sharper one."""

import time

from shared.clock import monotonic
from tools.verify.progress import Progress
from tools.verify.tables import SERVICES, Connection, connect

LOOK_SECONDS = 0.5
_QUEUES = {
    "unpublished": "SELECT count(*) FROM unpublished",
    "unsealed": "SELECT count(*) FROM unsealed",
    "dirty": "SELECT count(*) FROM dirty",
    "unannounced": "SELECT count(*) FROM schedule WHERE announced_version < version",
    "tally": "SELECT count(*) FROM tally",
}
_ONLY = {"dirty": "retention", "unannounced": "retention", "tally": "intake"}
_POSITIONS = "SELECT topic, part, next_offset FROM position WHERE topic <> 'records.registered.v1' ORDER BY 1, 2, 3"


def wait_for_queues(patience: float, progress: Progress) -> bool:
    """Wait until the queues are empty and no position moves; says whether that came."""
    connections = {service: connect(service) for service in SERVICES}
    try:
        for each in connections.values():
            each.autocommit = True
        return _wait(connections, monotonic() + patience, progress)
    finally:
        for each in connections.values():
            each.close()


def _wait(connections: dict[str, Connection], until: float, progress: Progress) -> bool:
    before: object = None
    while True:
        waiting, now = _look(connections)
        if not waiting and now == before:
            return True
        if monotonic() >= until:
            return False
        before = now
        progress.at("waits for the queues to empty,", waiting)
        time.sleep(LOOK_SECONDS)


def _look(connections: dict[str, Connection]) -> tuple[int, object]:
    waiting, positions = 0, []
    for service, connection in connections.items():
        for queue, statement in _QUEUES.items():
            if _ONLY.get(queue, service) == service:
                waiting += connection.execute(statement.encode()).fetchall()[0][0]
        positions.append(connection.execute(_POSITIONS.encode()).fetchall())
    return waiting, positions
