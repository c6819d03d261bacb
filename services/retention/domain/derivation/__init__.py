"""Why a record has its date: the same functions as the date, told step by step, in codes, ids and dates.

Each part of the telling has its file, and gives the steps that it has to tell, or none.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.retention.domain.ages import Aged
from services.retention.domain.casefiles import Filed
from services.retention.domain.derivation import policy
from services.retention.domain.derivation.ages import ages
from services.retention.domain.derivation.end import end
from services.retention.domain.derivation.files import files
from services.retention.domain.derivation.floors import floors
from services.retention.domain.derivation.identity import identity
from services.retention.domain.derivation.inputs import Linked, Step, Work
from services.retention.domain.derivation.person import persons
from services.retention.domain.derivation.record import clock, placed
from services.retention.domain.derivation.review import review
from services.retention.domain.derivation.sources import sources
from services.retention.domain.derivation.sums import sums, written
from services.retention.domain.derivation.suppliers import suppliers
from services.retention.domain.derivation.told import told
from services.retention.domain.facts import Fact
from services.retention.domain.history import read_history
from services.retention.domain.persons import Person, in_doubt, of_person
from services.retention.domain.records import as_for, of_record
from services.retention.domain.schedule import Schedule, of_schedule
from shared.policy import Pack

__all__ = ["WHOLE", "Linked", "Step", "Work", "derivation"]

Parts = tuple[Callable[[Work], Iterator[Step]], ...]
PARTS: Parts = (
    placed, clock, suppliers, identity, persons, files, floors, ages, end, review,
)  # fmt: skip
"""In the order in which they are told; the last two give the date with the row, and the next review."""
WHOLE: Parts = (
    policy.pack, placed, policy.row, told, written, clock, suppliers, identity, persons, sources, files, floors, ages,
    sums, end, review,
)  # fmt: skip
"""The same with the policy, the facts and the calendar: what an explanation tells that a task need not."""


def derivation(
    facts: Sequence[Fact],
    linked: Sequence[Linked],
    pack: Pack,
    parts: Parts = PARTS,
    dated: Schedule | None = None,
    filed: Filed | None = None,
) -> dict[str, Any]:
    """Tell how a record's date follows from its facts, its people and the pack; no state yet gives no steps.

    Where other records date it as well, as a case file does its parts, its schedule is given as it was `dated`, and
    what it and its case files ask of each other.
    """
    pack = as_for(facts, pack)
    record, history = of_record(facts, pack), read_history(facts, pack)
    if record is None or history is None:
        return {"v": 1, "steps": []}
    ordered = sorted(linked, key=lambda each: str(each.nominal_ref))
    people = [(each, _person(each, pack)) for each in ordered]
    offending = [(linked, person) for linked, person in people if linked.offending]
    aged = [Aged(linked.aged, person) for linked, person in people if linked.aged]
    schedule = dated or of_schedule(record.side, [person for _, person in offending], pack, aged)
    work = Work(
        history, record, offending, schedule, pack, [pair for pair in people if pair[0].aged], facts, filed or Filed()
    )
    return {"v": 1, "steps": [step for part in parts for step in part(work)]}


def _person(each: Linked, pack: Pack) -> Person:
    person = of_person(each.facts, each.group, each.notice_on, pack, each.grouped_on, each.conduct_on)
    return in_doubt(person, each.problem)
