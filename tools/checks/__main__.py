"""`python -m tools.checks`: say where a house rule is broken; exit status 1 if one is."""

import sys
from pathlib import Path

from tools.checks.rules import broken

FOLDERS = ("services", "shared", "tools", "benchmarks", "tests")


def main(root: Path = Path()) -> int:
    """Check every Python file below the folders of the house."""
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    found = [line for path in paths for line in broken(path.relative_to(root), path.read_text())]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
