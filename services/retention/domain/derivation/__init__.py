"""Why a record has its date: the same functions as the date, told step by step, in codes, ids and dates.

Each part of the telling has its file, and gives the steps that it has to tell, or none.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.retention.domain.derivation.end import end
from services.retention.domain.derivation.files import files
from services.retention.domain.derivation.floors import floors
from services.retention.domain.derivation.identity import identity
from services.retention.domain.derivation.inputs import Linked, Step, Work
from services.retention.domain.derivation.person import persons
from services.retention.domain.derivation.record import clock, placed
from services.retention.domain.derivation.suppliers import suppliers
from services.retention.domain.facts import Fact
from services.retention.domain.persons import of_person
from services.retention.domain.records import of_record, read_history
from services.retention.domain.schedule import of_schedule
from shared.policy import Pack

__all__ = ["Linked", "Step", "Work", "derivation"]

PARTS: tuple[Callable[[Work], Iterator[Step]], ...] = (
    placed, clock, suppliers, identity, persons, files, floors, end,
)  # fmt: skip
"""In the order in which they are told; the last one ends with the date and the row."""


def derivation(facts: Sequence[Fact], people: Sequence[Linked], pack: Pack) -> dict[str, Any]:
    """Tell how a record's date follows from its facts, its people and the pack; no state yet gives no steps."""
    record, history = of_record(facts, pack), read_history(facts, pack)
    if record is None or history is None:
        return {"v": 1, "steps": []}
    ordered = sorted(people, key=lambda linked: str(linked.nominal_ref))
    dated = [of_person(each.facts, each.group, each.notice_on, pack, each.grouped_on) for each in ordered]
    schedule = of_schedule(record.side, dated, pack)
    work = Work(history, record, list(zip(ordered, dated, strict=True)), schedule, pack)
    return {"v": 1, "steps": [step for part in PARTS for step in part(work)]}
