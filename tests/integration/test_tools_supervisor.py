"""The supervisor, with the database alone: it stops in order whatever became of whoever started it."""

import subprocess
import sys

from tests import stack
from tools.stack.paths import ROOT
from tools.stack.service import without_settings
from tools.stack.sweep import down


def test_it_stops_in_order_though_its_terminal_is_gone():
    with stack.folder() as paths:
        command = [sys.executable, "-m", "tools.stack.supervisor", "--home", str(paths.home), "--only", "postgres"]
        told = {"cwd": ROOT, "env": without_settings(), "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, stdout=subprocess.PIPE, **told) as supervisor:
            try:
                assert supervisor.stdout is not None
                assert any(line == b"ready\n" for line in supervisor.stdout)
                supervisor.stdout.close()

                supervisor.terminate()
                supervisor.wait(12)

                assert "database system is shut down" in (paths.logs / "postgres.log").read_text()
                assert list(paths.run.glob("*.pid")) == []
            finally:
                down(paths)
