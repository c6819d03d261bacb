"""Where the stack keeps its things."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one stack; a test's private stack has its own."""

    home: Path

    @property
    def keys(self) -> Path:
        """Give the folder of keys and passwords, for this user only."""
        return self.home / "keys"

    @property
    def logs(self) -> Path:
        """Give the folder of one log file per process."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Give the folder of one pid file per process."""
        return self.home / "run"

    @property
    def kafka(self) -> Path:
        """Give the broker's folder."""
        return self.home / "kafka"

    @property
    def postgres(self) -> Path:
        """Give the folder above the database's data folder."""
        return self.home / "postgres"

    @property
    def stack(self) -> Path:
        """Give the file that says what runs, and where."""
        return self.home / "stack.json"

    def make(self) -> None:
        """Make the folders that every process needs; the home may be passed through, not read."""
        self.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        for folder in (self.logs, self.run, self.keys):
            folder.mkdir(mode=0o700, exist_ok=True)


LOCAL = Paths(ROOT / ".tenure")
DEMO = Paths(LOCAL.home / "demo")  # The demonstration's own stack.
JARS = LOCAL.kafka / "lib"  # One copy for every stack of this clone, the tests' too.
