"""The case files' part: each file that the record is part of, and until when that is kept."""

from collections.abc import Iterator

from services.retention.domain.derivation.inputs import Step, Work


def files(work: Work) -> Iterator[Step]:
    """Tell of each case file that the record is part of, and until when that is kept."""
    for file, until in sorted(work.files.items()):
        step = {"code": "part_of", "record": str(file)}
        yield step | {"until": until.isoformat()} if until else step
