"""Events over HTTP: the same action as the topic, durable before the answer; and what became of them."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request, Response

from services.intake.actions.announcing import Receipted
from services.intake.actions.cases import Arrival, Message
from services.intake.actions.reading import HTTP, Read, read_item, read_message, trace_of
from services.intake.actions.take_in import take_in
from services.intake.api import access
from services.intake.api.inbound import BATCH, BATCH_EVENTS_MAX, FOUND, REQUEST, SINGLE, TAKEN
from services.intake.domain.refused import Refused
from services.intake.domain.strict_json import decode, written
from services.intake.storage import records
from shared.clock import policy_day
from shared.db import Connection, transaction
from shared.errors import Invalid, Raced, TooLarge
from shared.events import Place, encode
from shared.http import Asker, Now, Transaction
from shared.ids import event_uid, random_id, receipt_id

RACES_MAX = 5
RECEIPTS_MAX = 100

router = APIRouter(tags=["events"])


@router.post("/v1/events", responses={200: TAKEN}, openapi_extra=REQUEST)
async def take_events(request: Request, asker: Asker, now: Now) -> Response:
    """Take one CloudEvent, or a batch; answers after commit, with one receipt per event, whatever the outcomes."""
    messages = _messages(request, await request.body())
    sent = str(random_id())
    arrived = [
        Arrival(
            receipt_id(sent, index),
            Place(request=sent, index=index),
            HTTP,
            None,
            message,
            read,
            asker.principal,
            trace_of(message, read),
        )
        for index, (message, read) in enumerate(messages)
    ]
    _refuse_unreadable(arrived, batch=_kind(request) == BATCH)
    receipts = await _taken(request, arrived, now)
    body = encode(receipts) if _kind(request) == BATCH else encode(receipts[0])
    return Response(body, media_type="application/json")


def _refuse_unreadable(arrived: list[Arrival], *, batch: bool) -> None:
    """Refuse all for the first that is no event; of a batch say which that is."""
    for index, arrival in enumerate(arrived):
        if isinstance(arrival.read, Refused):
            reason = arrival.read.reason
            which = f" It is number {index} of the batch, counted from 0; none of the batch was taken in."
            raise Invalid(reason.sentence + (which if batch else ""), reason.code)


async def _taken(request: Request, arrived: list[Arrival], now: Any) -> list[Receipted]:
    """Take in, again when the same event came through another door in the same moment."""
    desks, engine = request.app.state.desks, request.app.state.engine
    for _ in range(RACES_MAX):
        try:
            async with transaction(engine) as connection:
                desk = await desks.current(connection)
                today = await policy_day(connection, now, desk.pack.zone)
                return await take_in(connection, desk, arrived, now, today)
        except Raced:
            continue
    raise Raced("The same events keep coming through several doors.")


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _messages(request: Request, body: bytes) -> list[tuple[Message, Read]]:
    """Give the request's events, each with its original bytes and what was read in it."""
    kind = _kind(request)
    if kind == BATCH:
        return _of_batch(request, body)
    headers = {name: unquote(value) for name, value in request.headers.items() if name.startswith("ce-")}
    structured = Message("structured", {"content-type": kind}, body)
    message = structured if kind == SINGLE else Message("binary", headers, body)
    return [(message, read_message(message))]


def _of_batch(request: Request, body: bytes) -> list[tuple[Message, Read]]:
    try:
        batch, plain = decode(body, request.app.state.edge.body_bytes_max)
    except Refused as refused:
        raise Invalid(refused.reason.sentence, refused.reason.code) from None
    if not isinstance(batch, list) or not batch:
        raise Invalid("A batch is a JSON array of at least one event; send one.", "not_a_batch")
    if len(batch) > BATCH_EVENTS_MAX:
        raise TooLarge(f"A batch holds at most {BATCH_EVENTS_MAX} events; send several.")
    messages = [Message("structured", {"content-type": SINGLE}, written(each, plain)) for each in batch]
    return [(message, read_item(message, each, plain)) for message, each in zip(messages, batch, strict=True)]


@router.get("/v1/receipts", responses={200: FOUND})
async def find_receipts(
    request: Request,
    connection: Transaction,
    source: Annotated[str, Query(max_length=256)],
    id: Annotated[str, Query(max_length=128)],
) -> list[dict[str, Any]]:
    """Tell what became of an event: every receipt it had, oldest first; none when it never came."""
    found = await _receipts(connection, source, id)
    return await access.shown(request, connection, found, "record_id")


async def _receipts(connection: Connection, source: str, event_id: str) -> list[dict[str, Any]]:
    rows = await records.receipts(connection, event_uid(source, event_id), source, RECEIPTS_MAX)
    return [
        {
            "receipt_id": row["receipt_id"],
            "arrival": row["place"],
            "source": row["source"],
            "event_uid": row["event_uid"],
            "id": row["event_id"],
            "outcome": row["outcome"],
            "record_id": row["record_uid"],
            "reasons": row["reasons"] or [],
            "received_at": row["received_at"],
            "names": row["names"],
        }
        for row in rows
    ]
