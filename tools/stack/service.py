"""One of our six processes: a service's `api` or `worker`."""

import http.client
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.stack.paths import ROOT, Paths
from tools.stack.process import Process

KINDS = ("api", "worker")
# The Dockerfile says the same. Two arenas: each thread's own would hold what its last batch needed. And the buffers of
# a batch come from the heap: from the system they would be new pages each time, and each cleared.
MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "8388608"}
_ANSWER_SECONDS_MAX = 3.0  # A worker itself waits two for its database before it says that it is away.


class Service(Process):
    """A service's process, started as `python -m services.<service>.main <kind>`."""

    def __init__(self, service: str, kind: str, paths: Paths, port: int, settings: Mapping[str, str]) -> None:
        super().__init__(f"{service}-{kind}", paths, port)
        self.service = service
        self.kind = kind
        self.settings = dict(settings)

    def command(self) -> list[str]:
        """Give the process's command line."""
        return [sys.executable, "-m", f"services.{self.service}.main", self.kind]

    def folder(self) -> Path:
        """Work at the root, where relative settings start."""
        return ROOT

    def environment(self) -> dict[str, str]:
        """Give its settings, and of this process's environment what is not a setting."""
        # Faust makes an (unused) folder for tables wherever it is told to; not beside the code.
        return {**without_settings(), "APP_DATADIR": str(self.paths.run / "faust"), **self.settings}

    @property
    def url(self) -> str:
        """Give the base URL it answers at."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Say whether its `/readyz` says so."""
        return readyz(self.port)[0]


def without_settings() -> dict[str, str]:
    """Give this process's environment without settings, so that a process sees only its own database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    ours = {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    return {**MALLOC, **kept, **ours}


def readyz(port: int) -> tuple[bool, str]:
    """Ask a process on this machine whether it is ready; gives what it said too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS_MAX)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200, answer.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return False, ""
    finally:
        connection.close()
