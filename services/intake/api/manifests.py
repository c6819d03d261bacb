"""Manifests over HTTP: a source says what it sent in a period; how that compares with what came."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.intake.actions.cases import Arrival, Message
from services.intake.actions.reading import HTTP, read_message
from services.intake.actions.take_in import take_in
from services.intake.domain.manifests import MANIFEST
from services.intake.domain.shapes import MANIFEST_IDS_MAX
from services.intake.storage import manifests, records
from shared.errors import Forbidden
from shared.events import Place, encode
from shared.http import Asker, Idempotent, Now, Paged, Today, Transaction, answers, next_link, once
from shared.ids import event_uid, random_id, receipt_id
from shared.policy import Source

router = APIRouter(tags=["accounts"])

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]
Name = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00-\x1f]+$")]
Limit = Annotated[str, Field(max_length=40, pattern=r"^[0-9T:.,Z+-]+$")]
State = Literal["open", "matched", "differs"]


def _at(now: Now, today: Today) -> tuple[datetime, date]:
    return now, today


At = Annotated[tuple[datetime, date], Depends(_at)]


class Said(BaseModel):
    """What a source says it sent in a period: days of the pack's zone, `to` included; or instants, `to` excluded."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    source_system: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")
    from_: Limit = Field(alias="from")
    to: Limit
    count: int = Field(ge=0, le=2**53 - 1)
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 over the sorted event ids, joined by line feeds")
    ids: list[Id] | None = Field(
        default=None, max_length=MANIFEST_IDS_MAX, description="with them, what is missing is named"
    )


class Receipted(BaseModel):
    """The receipt of a manifest; how it compares is told on records.receipts.v1, and listed here."""

    receipt_id: UUID
    event_uid: UUID
    id: str
    source: str
    outcome: str
    reasons: list[dict[str, str]]
    received_at: datetime


class Listed(BaseModel):
    """The newest manifest of a period, and how it compares with what came; counts are null until then."""

    source: str
    said_from: str = Field(serialization_alias="from")
    said_to: str = Field(serialization_alias="to")
    event_uid: UUID
    sent_at: datetime
    received_at: datetime
    expected: int
    digest: str
    named: bool = Field(description="whether it names ids; else the counts say at least how many")
    state: str
    version: int
    arrived: int | None
    missing_count: int | None
    extra_count: int | None
    missing: list[str]
    extra: list[str]
    compared_at: datetime | None


@router.post("/v1/manifests", responses=answers(Receipted, 403))
async def publish_manifest(
    body: Said, request: Request, connection: Transaction, asker: Asker, at: At, repeat: Idempotent
) -> dict[str, Any]:
    """Take in a manifest as from its topic; answers with its receipt, whatever the outcome."""
    desk = await request.app.state.desks.current(connection)
    source = next((each for each in desk.pack.sources.values() if each.source_system == body.source_system), None)
    if source is None or source.principal != asker.principal:
        raise Forbidden("This token may not speak for that source system.", "not_your_source")

    async def taken() -> str:
        id_ = str(random_id())
        await take_in(connection, desk, [_arrival(source, id_, body, at[0])], *at)
        return id_

    made = await once(connection, repeat, at[0], taken)
    [row] = await records.receipts(connection, event_uid(source.source, made), source.source, 1)
    return {
        "receipt_id": row["receipt_id"],
        "event_uid": row["event_uid"],
        "id": row["event_id"],
        "source": row["source"],
        "outcome": row["outcome"],
        "reasons": row["reasons"] or [],
        "received_at": row["received_at"],
    }


def _arrival(source: Source, id_: str, body: Said, now: datetime) -> Arrival:
    """Make the event that a source's manifest is, as it would come by its topic."""
    request = str(random_id())
    attributes = {"specversion": "1.0", "id": id_, "source": source.source, "type": MANIFEST, "time": now.isoformat()}
    raw = encode({**attributes, "data": body.model_dump(by_alias=True, exclude_none=True)})
    message = Message("structured", {"content-type": "application/cloudevents+json"}, raw)
    place, read = Place(request=request, index=0), read_message(message)
    return Arrival(receipt_id(request, 0), place, HTTP, None, message, read, source.principal)


def _asked(source: Name = None, state: State | None = None) -> tuple[str | None, str | None]:
    return source, state


@router.get("/v1/manifests", responses=answers(list[Listed]))
async def list_manifests(
    request: Request,
    answer: Response,
    connection: Transaction,
    page: Paged,
    asked: Annotated[tuple[str | None, str | None], Depends(_asked)],
) -> list[dict[str, Any]]:
    """List manifests by source and state, in the order in which their periods were first told."""
    rows = await manifests.page(connection, *asked, page.key(), page.limit + 1)
    more, rows = len(rows) > page.limit, rows[: page.limit]
    next_link(request, answer, (rows[-1]["manifest_key"],) if more else None)
    named = {"said_from": "from", "said_to": "to"}
    return [{named.get(name, name): value for name, value in row.items() if name != "manifest_key"} for row in rows]
