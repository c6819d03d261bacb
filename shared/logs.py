"""Logs: a sentence for the person, words for the machine, one JSON object per line; never content."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from shared.tracing import current

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "taskName"),
    "color_message",  # Uvicorn's sentence once more, with its colours.
}

# `process` and `processName` are a record's own words, for the id and name that Python gives a process.
_NAMES = {"process_name": "process"}


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {_NAMES.get(key, key): value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _trace() -> dict[str, str]:
    """Name the trace of what is being done: the word by which all services' lines about it are found."""
    trace = current()
    return {} if trace is None else {"trace_id": trace.trace_id}


def start_logs(level: str, service: str, process: str) -> None:
    """Log to standard error as JSON lines, each with the service and the process that it comes from."""
    bound = {"service": service, "process_name": process}
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    handler.addFilter(lambda record: vars(record).update({**bound, **_trace()}) or True)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("faust", "mode", "apscheduler", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    # A broker that is away is an error to them many times a second; `shared.kafka` says so once a try.
    for told_elsewhere in ("aiokafka", "kafka"):
        logging.getLogger(told_elsewhere).setLevel(logging.CRITICAL)
