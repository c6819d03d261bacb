"""P3."""

from benchmarks.measuring import Result, Say


def run(rate: int, seconds: int, say: Say) -> list[Result]:
    """Later."""
    raise NotImplementedError
