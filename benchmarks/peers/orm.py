"""The ORM composition: not here yet."""

from tools.stack.assembly import Stack


def run(url: str, stack: Stack, count: int) -> float:
    """Later."""
    raise NotImplementedError
