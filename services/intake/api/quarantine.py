"""Quarantine over HTTP: what waits, and trying it again."""

from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.intake.actions.replaying import replay
from services.intake.storage import quarantine
from shared.http import IfMatch, Now, Paged, Today, Transaction, next_link

State = Literal["open", "accepted", "superseded", "discard_proposed", "discarded", "resolved"]

router = APIRouter(tags=["quarantine"])


class Wanted(NamedTuple):
    """Which of them to list."""

    state: State
    source: str | None
    code: str | None


def _wanted(
    state: State = "open",
    source: Annotated[str | None, Query(max_length=256)] = None,
    code: Annotated[str | None, Query(max_length=64)] = None,
) -> Wanted:
    return Wanted(state, source, code)


@router.get("/v1/quarantine")
async def list_quarantine(
    request: Request,
    answer: Response,
    connection: Transaction,
    page: Paged,
    wanted: Annotated[Wanted, Depends(_wanted)],
) -> list[dict[str, Any]]:
    """List what waits, oldest first, by state, source and reason code."""
    after = int(page.after[0]) if page.after else 0
    rows = await quarantine.page(connection, wanted.state, wanted.source, after, wanted.code, page.limit + 1)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    next_link(request, answer, (rows[-1]["arrival_key"],) if more else None)
    return [{name: value for name, value in row.items() if name != "arrival_key"} for row in rows]


@router.post("/v1/quarantine/{receipt_id}/replay")
async def replay_one(
    receipt_id: UUID, request: Request, connection: Transaction, now: Now, today: Today, meant: IfMatch
) -> dict[str, Any]:
    """Try a quarantined event again as it was sent, after the pack or the data around it changed."""
    issued = await replay(connection, request.app.state.desk, receipt_id, meant, (now, today))
    return {
        "outcome": issued.outcome,
        "receipt_id": issued.receipt_id,
        "reasons": [msgspec.to_builtins(r) for r in issued.reasons],
    }
