"""The suppliers' part: every rule that applies besides the class's, and which of them prevailed."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def suppliers(work: Work) -> Iterator[Step]:
    """Tell of each supplier of a rule what it gives, and which prevailed; the class alone needs no word."""
    yield from ()
