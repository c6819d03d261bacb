"""Ports on loopback that nobody else has."""

import random
import socket

_given: set[int] = set()


def free(port: int) -> bool:
    """Say whether nobody listens on a port of this machine's loopback."""
    with socket.socket() as probe:
        # As the servers do it: a port whose last connection is still ending counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(preferred: int = 0) -> int:
    """Give the preferred port if it is free, else any free one; never the same one twice."""
    if preferred and preferred not in _given and free(preferred):
        _given.add(preferred)
        return preferred
    while True:
        # Below the range that outgoing connections take theirs from, so that none slips in before we listen.
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret.
        if port not in _given and free(port):
            _given.add(port)
            return port


def answers(port: int) -> bool:
    """Say whether somebody listens on a port of this machine's loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
