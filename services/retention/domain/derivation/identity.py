"""The identities' part: who is taken for one person with an offender, and by which fact."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def identity(work: Work) -> Iterator[Step]:
    """Tell of each merge that an offending person's dates follow from."""
    yield from ()
