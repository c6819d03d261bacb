"""May this person see this content, for this purpose, by this task; and how the versions of a record link persons."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from services.intake.domain.screening import Looker, Seen, stand
from shared.ids import nominal_ref
from shared.policy import Pack

Link = tuple[UUID, str]


class Asked(NamedTuple):
    """What somebody asks to see content for."""

    purpose: str
    reference: str | None
    task_id: UUID | None


class Verdict(NamedTuple):
    """What is logged of a view; `refused` says why nothing is shown."""

    refused: str | None
    reference: str
    task_id: UUID | None


REFERENCE_MISSING = "reference_missing"


def judge(pack: Pack, looker: Looker, seen: Seen, asked: Asked) -> Verdict:
    """Say whether content is shown, and what the log has of it.

    Who holds a task on the record looks because of it: it stands in the log, and for the reference where none is given.
    A task that is named must be the looker's own, open, and on this record.
    """
    held = asked.task_id or (seen.tasks[0] if seen.tasks else None)
    reference = asked.reference or (str(held) if held in seen.tasks else "")
    return Verdict(_refusal(pack, looker, seen, asked, reference), reference, held)


def _refusal(pack: Pack, looker: Looker, seen: Seen, asked: Asked, reference: str) -> str | None:
    how = stand(looker, seen, pack.access.screens)
    if how != "shown":
        return how
    if asked.task_id is not None and asked.task_id not in seen.tasks:
        return "not_your_task"
    if not reference:
        return REFERENCE_MISSING
    if not any(pack.may_view(asked.purpose, role, seen.record_type) for role in looker.roles):
        return "purpose_not_allowed"
    return None


def links_of(state: Mapping[str, Any]) -> frozenset[Link]:
    """Give whom a state of a record links, and how."""
    links = state.get("links") or ()
    return frozenset((nominal_ref(each["nominal_source"], each["nominal_id"]), str(each["role"])) for each in links)
