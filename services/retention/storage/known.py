"""What settling reads of a few subjects, straight after it has their locks: in two questions instead of ten.

Whoever changes what is read here of a subject has its lock or marks it, so any moment after the lock will do. Of what
is locked later in the round it is asked then.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from services.retention.domain.relations import Reference
from services.retention.storage import facts, links, merges, parts, relations, schedules
from shared.db import Connection, driver

TOGETHER_MAX = 250  # Of more subjects each answer is large, and all at once would be held in memory.
_OF_PERSONS = [select.replace("$1", "$2") for select in (schedules.PERSONS, merges.TIES)]
_SELECTS = (
    *(links.LINKS, links.TRAITS, schedules.SCHEDULES, parts.OF, parts.FILES),
    *(relations.TOUCHING, relations.PASSED_BY, relations.PASSED_TO, *_OF_PERSONS),
)
_READ = "SELECT " + ", ".join(f"ARRAY(SELECT ROW(q.*) FROM ({select}) q)" for select in _SELECTS)

Found = TypeVar("Found")
Read = Callable[[Connection, Iterable[int]], Awaitable[dict[int, Found]]]


@dataclass(slots=True)
class Known:
    """What functions of the storage would answer about records and persons."""

    answers: dict[Any, tuple[Collection[int], Mapping[int, Any]]] = field(default_factory=dict)
    references: tuple[Collection[int], Collection[Reference[int]]] = ((), ())
    untied: Collection[int] = ()
    """Persons whom no merge ever tied to another."""
    bare: Collection[int] = ()
    """Records that are nobody's case file."""

    async def of(self, read: Read[Found], connection: Connection, keys: Iterable[int]) -> dict[int, Found]:
        """Give what `read` answers about `keys`, having asked about those that are not known."""
        wanted = list(keys)
        about, found = self.answers.get(read, ((), {}))
        known = {key: found[key] for key in wanted if key in found}
        rest = [key for key in wanted if key not in about]
        return known | await read(connection, rest) if rest else known

    async def touching(self, connection: Connection, records: Collection[int]) -> set[Reference[int]]:
        """Give the references of records and to them, as they stand."""
        about, found = self.references
        if all(key in about for key in records):
            return {each for each in found if each.namer in records or each.named in records}
        return await relations.touching(connection, records)

    async def ties(self, connection: Connection, persons: Collection[int]) -> dict[int, frozenset[int]]:
        """Give, of those of these nominals whom a merge ever tied, everyone they are tied to."""
        rest = [key for key in persons if key not in self.untied]
        return await merges.ties(connection, rest) if rest else {}

    def filed(self) -> None:
        """Forget of case files what was known: this round has written about them."""
        self.answers.pop(parts.parts_of, None)
        self.bare = ()


async def read(connection: Connection, of_records: Iterable[int], of_persons: Iterable[int]) -> Known:
    """Read what is needed of a few locked records and persons, in statements of their own: after the locks."""
    records, persons = frozenset(of_records), frozenset(of_persons)  # A round's own sets grow.
    if not 0 < len(records) + len(persons) <= TOGETHER_MAX:
        return Known()  # It is asked as it is needed.
    own, their = await facts.facts_of(connection, records, persons)
    row = await (await driver(connection)).fetchrow(_READ, list(records), list(persons))
    assert row is not None, "it asks for one row"
    linked, traits, dated, filed, files, touching, passed_by, passed_to, people, tied = row
    answers: dict[Any, tuple[Collection[int], Mapping[int, Any]]] = {
        facts.facts_of_records: (records, own),
        facts.facts_of_persons: (persons, their),
        links.links_of: (records, links.links_from(linked, records)),
        links.traits_stored: (records, links.traits_from(traits)),
        schedules.schedules_stored: (records, schedules.schedules_from(dated)),
        schedules.rooted_stored: (persons, schedules.rooted_from(people)),
        parts.parts_of: (records, parts.parts_from(filed, records)),
        relations.passed_by: (records, relations.passed_from(passed_by, records)),
        relations.passed_to: (records, relations.facts_from(passed_to)),
    }
    references = {Reference(*each) for each in touching}
    untied, bare = persons.difference(*tied), records - {each[0] for each in files}
    return Known(answers, (records, references), untied, bare)
