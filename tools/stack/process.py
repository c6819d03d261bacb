"""One process of the stack: started, watched, stopped; it never outlives who started it."""

import ctypes
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tools.stack.errors import StackError
from tools.stack.identity import Identity, descendants, identify, note
from tools.stack.paths import Paths

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05
LOG_BYTES_MAX = 20_000_000


@contextmanager
def _unstopped() -> Iterator[set[int]]:
    """Let no signal come between a process's start and our knowing of it; gives the mask that it is to have."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield {int(each) for each in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with(parent: int, number: signal.Signals, mask: set[int]) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def tie() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # The parent was gone before the tie was made.
            os._exit(1)

    return tie


class Process(ABC):
    """A process with a name, a log file and a pid file."""

    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL

    def __init__(self, name: str, paths: Paths, port: int) -> None:
        self.name = name
        self.paths = paths
        self.port = port
        self.child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Give the command line; never a secret in it."""

    @abstractmethod
    def ready(self) -> bool:
        """Say whether it does its work."""

    def prepare(self) -> None:  # noqa: B027 - not every process needs something.
        """Make what it needs before it starts; safe to repeat."""

    def environment(self) -> dict[str, str]:
        """Give its whole environment."""
        return dict(os.environ)

    def credentials(self) -> dict[str, Any]:
        """Give the user to run as, in `Popen`'s terms; empty means this user."""
        return {}

    def folder(self) -> Path:
        """Give its working folder."""
        return self.paths.home

    @property
    def log(self) -> Path:
        """Give its log file."""
        return self.paths.logs / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Give its pid file."""
        return self.paths.run / f"{self.name}.pid"

    def spawn(self) -> None:
        """Start it without waiting."""
        self.rotate()
        command = self.command()
        with self.log.open("ab") as log, _unstopped() as mask:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder(),
                env=self.environment(),
                start_new_session=True,  # A Ctrl-C is for whoever supervises; it stops them in order.
                preexec_fn=_die_with(os.getpid(), self.death_signal, mask),  # Safe: only one thread.
                **self.credentials(),
            )
        if identity := self.identity():
            note(self.pid_file, identity)

    def identity(self) -> Identity | None:
        """Say which process it is; None if it does not run."""
        if self.child is None or self.child.poll() is not None:
            return None
        return identify(self.child.pid)

    def running(self) -> bool:
        """Say whether it runs."""
        return self.child is not None and self.child.poll() is None

    def start(self, wait_seconds: float = 60) -> None:
        """Prepare, start and wait until it is ready; refuses with its last log lines."""
        self.paths.make()
        self.prepare()
        self.spawn()
        self.wait_ready(wait_seconds)

    def wait_ready(self, wait_seconds: float = 60) -> None:
        """Wait until it is ready, or say why it will not be."""
        until = time.monotonic() + wait_seconds
        while not self.ready():
            if not self.running():
                raise StackError(f"{self.name} ended at its start; its last lines:\n{self.last_lines()}")
            if time.monotonic() > until:
                late = f"{self.name} was not ready in {wait_seconds:.0f} s"
                raise StackError(f"{late}; its last lines:\n{self.last_lines()}")
            time.sleep(_POLL_SECONDS)

    def last_lines(self, count: int = 12) -> str:
        """Give the end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it runs."""
        if self.child is not None and self.running():
            self.child.send_signal(number)

    def stop(self, grace_seconds: float = 10) -> None:
        """Stop it in order; what is left after the grace is killed."""
        self.send(self.stop_signal)
        self.wait_gone(grace_seconds)

    def wait_gone(self, grace_seconds: float) -> None:
        """Wait for its end, then make it end."""
        if self.child is None:
            return
        try:
            self.child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a power cut would (`kill -9`)."""
        if self.child is None:
            return
        below = [found for pid in descendants(self.child.pid) if (found := identify(pid))]
        self.send(signal.SIGKILL)
        self.child.wait(10)
        self.await_end_of(below)

    def await_end_of(self, below: list[Identity]) -> None:
        """See the processes below it end as well."""
        until = time.monotonic() + 5
        while any(identify(each.pid) == each for each in below) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        for each in below:
            if identify(each.pid) == each:
                os.kill(each.pid, signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it and everything below it (`SIGSTOP`)."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw what was frozen (`SIGCONT`)."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        if self.child is not None and self.running():
            for pid in [self.child.pid, *descendants(self.child.pid)]:
                with suppress(ProcessLookupError):  # One of those below may end meanwhile.
                    os.kill(pid, number)

    def rotate(self) -> None:
        """Put a log that grew too long aside; the process goes on writing to the same, emptied file."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.with_suffix(".log.1").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
