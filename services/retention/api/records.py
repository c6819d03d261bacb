"""HTTP in: records and persons with their dates, exceptions, and what falls due."""

from datetime import date
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from services.retention.actions import as_of, explain
from services.retention.actions.explain import Shown
from services.retention.api import answers as told
from services.retention.api.asking import AskedOfRecord, AsOf
from services.retention.domain.as_of import When
from services.retention.domain.lifecycle import State
from services.retention.storage import reads
from services.retention.storage.reads import Due, Row, Wanted
from shared.errors import Invalid, TooLarge
from shared.http import ID_PATTERN, Now, Page, Paged, Today, Transaction, among_words, answers, etag, next_link

DUE_GROUPS_MAX = 5_000

READERS = frozenset(
    {
        "reviewing_officer",
        "records_manager",
        "head_of_information_management",
        "disclosure_officer",
        "data_steward",
        "auditor",
        "data_protection_officer",
    }
)
ROLES = {
    f"GET /v1/{path}": READERS
    for path in ("records", "records/{record_id}/schedule", "nominals/{nominal_ref}/schedule", "exceptions", "due")
}

router = APIRouter(prefix="/v1", tags=["schedules"])


class OfPerson(NamedTuple):
    """What is asked of a person: which records, at which day, known by when."""

    page: Page
    when: When
    today: date


def _of_person(page: Paged, when: AsOf, today: Today) -> OfPerson:
    return OfPerson(page, when, today)


AskedOfPerson = Annotated[OfPerson, Depends(_of_person)]

Code = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,200}$")]
Asked = Annotated[Code | None, Query()]
ShownState = Literal[State, "exception", "permanent"]


@router.get("/records/{record_id}/schedule", responses=answers(told.Explained, 400, 404, 413, versioned=True))
async def show_schedule(
    record_id: UUID, request: Request, response: Response, connection: Transaction, asked: AskedOfRecord
) -> Shown:
    """Show a record's state and dates, and why; on another day, as known at another instant, if asked.

    `as_of` is a day, `known_at` an instant with its offset: what had happened by that day, as far as was known by
    that instant, under the pack that was in force. Neither: as it stands, with an ETag.
    """
    pack = request.app.state.edge.pack
    if asked.when != When():
        return await explain.explain_then(connection, record_id, asked.when, pack, asked.today, asked.telling)
    shown = await explain.explain_record(connection, record_id, pack, asked.telling)
    etag(response, shown["version"])
    return shown


@router.get("/nominals/{nominal_ref}/schedule", responses=answers(told.Person, 400, 404, 413, versioned=True))
async def show_person(
    nominal_ref: UUID, request: Request, response: Response, connection: Transaction, asked: AskedOfPerson
) -> Shown:
    """Show a person's group, clock and dates, with the records that name them; as of another day, if asked."""
    page, when, today = asked
    after = (_keys(page, (int,)) or (0,))[0]
    if when != When():
        at = (today, after, page.limit)
        shown, more = await as_of.nominal_then(connection, nominal_ref, when, request.app.state.edge.pack, at)
    else:
        shown, more = await explain.explain_nominal(connection, nominal_ref, after, page.limit)
        etag(response, shown["version"])
    next_link(request, response, None if more is None else (more,))
    return shown


def _filters(
    class_id: Annotated[Code | None, Query(alias="class")] = None,
    group: Asked = None,
    rule: Asked = None,
    due_before: date | None = None,
    unit: Annotated[Name | None, Query()] = None,
) -> dict[str, Any]:
    named = {"class": class_id, "group": group, "rule": rule, "due_before": due_before, "unit": unit}
    return {name: value for name, value in named.items() if value is not None}


def _subjects(nominal: UUID | None = None, hold: UUID | None = None, part_of: UUID | None = None) -> dict[str, Any]:
    named = {"nominal": nominal, "hold": hold, "part_of": part_of}
    return {name: value for name, value in named.items() if value is not None}


def _wanted(
    page: Paged,
    filters: Annotated[dict[str, Any], Depends(_filters)],
    subjects: Annotated[dict[str, Any], Depends(_subjects)],
    state: Annotated[ShownState, among_words(ShownState)] | None = None,
    sort: Literal["record", "review_on"] = "record",
) -> Wanted:
    return Wanted(filters | subjects, state, sort, _keys(page, _SORT_KEYS[sort]), page.limit)


@router.get("/records", responses=answers(told.Records))
async def list_records(
    request: Request, response: Response, connection: Transaction, wanted: Annotated[Wanted, Depends(_wanted)]
) -> Shown:
    """List records by class, state, group, rule, unit, nominal, case file, hold in force, and what falls due when."""
    found = await reads.list_records(connection, wanted)
    _link(request, response, found, wanted)
    return {"records": [explain.summary(row) for row in found[: wanted.limit]]}


@router.get("/exceptions", responses=answers(told.Exceptions))
async def list_exceptions(
    request: Request, response: Response, connection: Transaction, page: Paged, now: Now, owner: Asked = None
) -> Shown:
    """List what cannot be dated: why, whose it is to mend, and since when."""
    filters: dict[str, Any] = {} if owner is None else {"owner": owner}
    wanted = Wanted(filters, "exception", "record", _keys(page, _SORT_KEYS["record"]), page.limit)
    found = await reads.list_records(connection, wanted)
    _link(request, response, found, wanted)
    return {"exceptions": [explain.exception(row, now) for row in found[: wanted.limit]]}


@router.get("/due", responses=answers(told.FallingDue, 413))
async def count_due(
    connection: Transaction,
    before: date,
    after: date | None = None,
    kind: Literal["dispose", "review"] | None = None,
    class_id: Annotated[Code | None, Query(alias="class")] = None,
) -> Shown:
    """Count what falls due before a day, by class, unit and week: what a review ends and what time alone does."""
    found = await reads.falls_due(connection, Due(before, after, kind, class_id), DUE_GROUPS_MAX + 1)
    if len(found) > DUE_GROUPS_MAX:
        raise TooLarge(f"More than {DUE_GROUPS_MAX} groups fall due. Ask for fewer days, or for one class.")
    names = {"class": "class_id", "unit": "unit", "week": "week", "kind": "ends", "records": "records"}
    return {"due": [{name: row[column] for name, column in names.items()} for row in found]}


_SORT_KEYS: dict[str, tuple[type[date] | type[int], ...]] = {"record": (int,), "review_on": (date, int)}


def _keys(page: Page, kinds: tuple[type[date] | type[int], ...]) -> tuple[Any, ...] | None:
    if page.after is None:
        return None
    try:
        pairs = zip(kinds, page.after, strict=True)
        return tuple(date.fromisoformat(str(part)) if kind is date else int(part) for kind, part in pairs)
    except ValueError:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable") from None


def _link(request: Request, response: Response, found: list[Row], wanted: Wanted) -> None:
    if len(found) > wanted.limit:
        last = found[wanted.limit - 1]
        key = last["record_key"]
        next_link(request, response, (key,) if wanted.sort == "record" else (str(last["review_on"]), key))
