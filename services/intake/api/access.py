"""Who looked, over HTTP: the access log, the logs of one record, and which records are sensitive."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.intake.actions import access, screening
from services.intake.api import looking as told
from services.intake.storage.access import Wanted
from shared.errors import Invalid
from shared.http import KEY_MAX, Asker, IfMatch, Now, Page, Paged, Transaction, answers, etag, next_link

router = APIRouter(tags=["access"])

_ENTRY = ("at", "log", "told")


class Order(NamedTuple):
    """After which key a list goes on, and which way."""

    after: int | None
    latest_first: bool


def order(page: Page, sort: Literal["at", "-at"]) -> Order:
    """Read where a list goes on; a cursor of another list is refused."""
    if page.after is None:
        return Order(None, sort == "-at")
    (after, *more) = page.after
    if more or not isinstance(after, int) or abs(after) >= 2**63:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable")
    return Order(after, sort == "-at")


class _Row(Protocol):
    """What a value is found in by its name."""

    def __getitem__(self, name: str, /) -> Any:
        """Give the value of a name."""


_R = TypeVar("_R", bound=_Row)


async def shown(request: Request, connection: Transaction, rows: Sequence[_R], name: str) -> list[_R]:
    """Leave out of a page what is about a record that is not shown to exist to who asks; `name` is its id's."""
    person, pack = request.scope["state"]["person"], request.app.state.edge.pack
    if person.principal is not None:
        return list(rows)  # An upstream system: whom its records are about is no secret from it.
    looker = screening.looker_of(person)
    kept = await screening.hidden(connection, pack, looker, {row[name] for row in rows if row[name] is not None})
    return [row for row in rows if row[name] not in kept]


class Asked(BaseModel):
    """Which views, and attempts at them, are asked for."""

    record: UUID | None = None
    actor: told.Word | None = None
    purpose: told.Code | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    allowed: bool | None = None
    sort: Literal["at", "-at"] = "-at"


@router.get("/v1/access", responses=answers(list[told.Access], 400))
async def list_access(
    request: Request,
    answer: Response,
    connection: Transaction,
    asker: Asker,
    page: Paged,
    asked: Annotated[Asked, Depends()],
) -> list[dict[str, Any]]:
    """List who looked at what and why, refused attempts too, the latest first; who does not oversee it, their own."""
    after, latest_first = order(page, asked.sort)
    wanted = Wanted(asked.record, asked.actor, asked.purpose, asked.since, asked.until, asked.allowed)
    pack, looker = request.app.state.edge.pack, screening.looker_of(asker)
    rows, more = await access.find(connection, pack, looker, wanted, (after, page.limit, latest_first))
    next_link(request, answer, (rows[-1]["access_id"],) if more else None)
    return [dict(row) for row in rows]


@router.get("/v1/records/{record_id}/logs", responses=answers(list[told.LogEntry], 400, 404))
async def list_logs(
    record_id: UUID, request: Request, answer: Response, connection: Transaction, asker: Asker, page: Paged
) -> list[dict[str, Any]]:
    """Give a record's logs in the order of time, without content: who sent, changed, viewed, linked and erased it."""
    desk, looker = await request.app.state.desks.current(connection), screening.looker_of(asker)
    entries, more = await access.logs(
        connection, (desk.pack, desk.keys), (looker, record_id), (_after(page), page.limit)
    )
    last = entries[-1] if entries else None
    next_link(request, answer, (last["at"].isoformat(), last["rank"], last["n"]) if more and last else None)
    return [{name: entry[name] for name in _ENTRY} for entry in entries if access.tells(entry)]


def _after(page: Page) -> access.Cursor | None:
    if page.after is None:
        return None
    try:
        at, rank, n = page.after
        found = datetime.fromisoformat(str(at))
    except ValueError:
        found, rank, n = datetime.min, "", ""  # noqa: DTZ901 (without a zone it is refused below)
    known = isinstance(rank, int) and abs(rank) < 2**31 and isinstance(n, int) and abs(n) <= KEY_MAX
    if found.tzinfo is None or not known:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable")
    return found, int(rank), int(n)


class Acting:
    """Who changes which version, and when."""

    def __init__(self, asker: Asker, meant: IfMatch, now: Now) -> None:
        self.asker, self.meant, self.now = asker, meant, now


class NewMark(BaseModel):
    """Whether a record is called sensitive, and why."""

    sensitive: bool
    reason: told.Reason = Field(description="Say why; name nobody.")


@router.get("/v1/records/{record_id}/sensitive", responses=answers(told.Sensitivity, 404, versioned=True))
async def show_sensitivity(
    record_id: UUID, request: Request, answer: Response, connection: Transaction, asker: Asker
) -> dict[str, Any]:
    """Say whether a record is sensitive, by which rules of the pack, and whether a named role called it so."""
    looker = screening.looker_of(asker)
    said = await screening.sensitivity(connection, request.app.state.edge.pack, looker, record_id)
    etag(answer, said["version"])
    return said


@router.post("/v1/records/{record_id}/sensitive", responses=answers(told.Sensitivity, 404, versioned=True))
async def mark_sensitive(
    record_id: UUID,
    body: NewMark,
    request: Request,
    answer: Response,
    connection: Transaction,
    inputs: Annotated[Acting, Depends()],
) -> dict[str, Any]:
    """Call a record sensitive, or no longer; what a rule of the pack says of it stays."""
    who = (request.app.state.edge.pack, screening.looker_of(inputs.asker), record_id)
    said = await screening.mark(connection, who, (body.sensitive, body.reason), inputs.meant, inputs.now)
    etag(answer, said["version"])
    return said
