"""The case files' part: the file's own date, and those of its other parts that keep the record."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def files(work: Work) -> Iterator[Step]:
    """Tell of each case file that the record is part of, and of each part where it is a file."""
    yield from ()
