"""Keeps the stack up: starts it in order, restarts what ends, stops it in order, and takes it along when it dies.

`python -m tools.stack.supervisor [--only NAME,...]`
"""

import argparse
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from tools.stack import sweep
from tools.stack.assembly import PROCESSES, Say, Stack, database_answers, remembered
from tools.stack.embedded import Embedded
from tools.stack.errors import StackError
from tools.stack.identity import identify, note, noted
from tools.stack.kafka import can_create_topics
from tools.stack.paths import LOCAL, Paths
from tools.stack.process import Process
from tools.stack.settings import from_user

_POLL_SECONDS = 0.2
_BACK_OFF_SECONDS_FIRST = 0.5
_BACK_OFF_SECONDS_MAX = 30.0
_STEADY_SECONDS = 60.0
READY_LINE = "ready"


class Stopped(BaseException):
    """Somebody asked the supervisor to stop; not an `Exception`, so that nothing takes it for a fault."""


class Watch:
    """One process under supervision: when it started, how often it ended, when it may start again."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.restarts = 0
        self.back_off = _BACK_OFF_SECONDS_FIRST
        self.due: float | None = None
        self.since = time.monotonic()

    def tend(self, say: Say) -> bool:
        """Look after the process once; says whether it was started anew."""
        now = time.monotonic()
        if self.process.running():
            if now - self.since > _STEADY_SECONDS:
                self.back_off = _BACK_OFF_SECONDS_FIRST
            return False
        if self.due is None:
            self.due = now + self.back_off
            say(f"{self.process.name} ended ({_ending(self.process)}); starts again in {self.back_off:.1f} s")
            self.back_off = min(self.back_off * 2, _BACK_OFF_SECONDS_MAX)
        if now < self.due:
            return False
        self.process.spawn()
        self.due, self.since = None, now
        self.restarts += 1
        return True


def _ending(process: Process) -> str:
    status = process.child.returncode if process.child is not None else None
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}, see {process.log.name}"


class Supervisor:
    """Runs a stack until it is told to stop."""

    def __init__(self, paths: Paths, only: Collection[str], say: Say) -> None:
        self.paths = paths
        self.say = say
        given = from_user()
        self.stack = Stack(paths, given, only, remembered(paths.stack))
        self.watches = [Watch(process) for process in self.stack.processes.values()]

    def run(self) -> None:
        """Start the stack, tell when it is ready, keep it up; stops it in order whatever happens."""
        try:
            self._await_given_servers()
            self.stack.start_servers(self.say)
            for process in self.stack.services():
                process.spawn()
            self._record()
            self._tend_for_ever()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # It is stopping; being told twice changes nothing.
            self._last_words("stopping")
            self.stack.stop()
            self._last_words("stopped")

    def _last_words(self, line: str) -> None:
        with suppress(OSError):  # The terminal may be gone: that must not keep anything from being stopped.
            self.say(line)

    def _await_given_servers(self) -> None:
        """Wait for servers that are not ours to start, and say so once."""
        self._await("Kafka", self.stack.bootstrap, self.stack.kafka is None, self._given_kafka_answers)
        self._await("The database", "TENURE_DATABASE_URL", self.stack.postgres is None, self._given_database_answers)

    def _await(self, what: str, where: str, given: bool, answers: Callable[[], bool]) -> None:
        told = False
        while given and not answers():
            if not told:
                self.say(f"{what} at {where} does not answer; waiting until it does")
                told = True
            time.sleep(1)

    def _given_kafka_answers(self) -> bool:
        return can_create_topics(self.stack.bootstrap)

    def _given_database_answers(self) -> bool:
        return database_answers(self.stack.admin_url)

    def _tend_for_ever(self) -> None:
        waiting: dict[str, Process] = {each.name: each for each in self.stack.services()}
        turn = 0
        self._say_ready(waiting)
        while True:
            started_anew = [watch.process for watch in self.watches if watch.tend(self.say)]
            if started_anew:
                self._record()
                waiting |= {each.name: each for each in started_anew}
            for name in [name for name, each in waiting.items() if each.running() and each.ready()]:
                self.say(f"{name} is ready on port {waiting[name].port}")
                if isinstance(waiting.pop(name), Embedded):
                    self.stack.fill_broker()  # It was started anew, and has forgotten everything.
                self._say_ready(waiting)
            turn += 1
            if turn % 50 == 0:
                for watch in self.watches:
                    watch.process.rotate()
            time.sleep(_POLL_SECONDS)

    def _say_ready(self, waiting: Mapping[str, Process]) -> None:
        if not waiting:
            self.say(READY_LINE)

    def _record(self) -> None:
        self.stack.record({watch.process.name: watch.restarts for watch in self.watches})


def supervise(paths: Paths, only: Collection[str], say: Say) -> int:
    """Run the stack of a folder until told to stop; refuses where one runs already."""
    paths.make()
    with (paths.run / "supervisor.lock").open("w") as held:
        if not _lock(held):
            raise StackError("The stack is up already; `./tenure status` shows it, `./tenure down` stops it.")
        ours = identify(os.getpid())
        assert ours is not None, "this process lives"
        sweep.sweep(paths)  # What a supervisor that was killed left behind, if anything.
        note(paths.run / "supervisor.pid", ours)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        try:
            Supervisor(paths, only, say).run()
        except Stopped:
            return 0
        finally:
            (paths.run / "supervisor.pid").unlink(missing_ok=True)
    return 1


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def up_already(paths: Paths) -> bool:
    """Say whether a supervisor of this folder lives."""
    identity = noted(paths.run / "supervisor.pid")
    return identity is not None and identify(identity.pid) == identity


def main() -> int:
    """Supervise the local stack; every line says what happened."""
    parser = argparse.ArgumentParser(prog="python -m tools.stack.supervisor", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join(PROCESSES)}")
    parser.add_argument("--home", type=Path, default=LOCAL.home, help="the folder of everything it keeps")
    given = parser.parse_args()
    only = [name for name in given.only.split(",") if name]
    try:
        return supervise(Paths(given.home.absolute()), only, lambda line: print(line, flush=True))
    except StackError as error:
        print(f"tenure: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
