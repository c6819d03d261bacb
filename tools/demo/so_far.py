"""What earlier chapters found out and later ones go on from."""

from dataclasses import dataclass, field

from tools.demo.bundled import Expected


@dataclass(slots=True)
class SoFar:
    """Counts from the files, and the ids of records by what became of them."""

    want: Expected = field(default_factory=Expected)
    due: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
