"""Put together records about the same object or place, without storing the thing in clear."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.intake.actions import screening
from services.intake.actions.cases import Desk, thing_of
from services.intake.domain import things as domain
from services.intake.domain.access import Asked, judge
from services.intake.domain.screening import Looker
from services.intake.storage import things
from shared.db import Connection
from shared.errors import Forbidden
from shared.log import Entry, put

SHOWN = "tenure.search.shown.v1"


class Search(NamedTuple):
    """What is looked for, from where on, and at most how many."""

    kind: str
    ref: str
    after: int = 0
    limit: int = 50


class Hit(msgspec.Struct, frozen=True):
    """What the ledger keeps of a record that a search showed."""

    actor: str
    purpose: str
    reference: str


class Found(NamedTuple):
    """A page of a search: the records, and the key after which the next page begins."""

    records: list[UUID]
    after: int | None


async def search(
    connection: Connection, desk: Desk, looker: Looker, asked: Asked, wanted: Search, now: datetime
) -> Found:
    """Give the records that name a thing, as far as the looker may see their content for this purpose.

    A hit that is shown is a consultation (s.62): each is logged in this transaction, which commits before the answer.
    """
    if not any(view.purpose == asked.purpose and view.role in looker.roles for view in desk.pack.views):
        message = "The policy pack does not let your role see records for this purpose; choose another."
        raise Forbidden(message, "purpose_not_allowed")
    comparable = domain.comparable(wanted.kind, wanted.ref, desk.pack.references.compact)
    thing = thing_of(desk, wanted.kind, comparable)
    rows = await things.find(connection, thing, wanted.after, wanted.limit + 1)
    page = [record for _, record in rows[: wanted.limit]]
    seen = await screening.seen(connection, desk.pack, looker.staff_id, page)
    shown = [each for each in page if each in seen and judge(desk.pack, looker, seen[each], asked).refused is None]
    hit = msgspec.json.encode(Hit(looker.staff_id, asked.purpose, asked.reference or ""))
    logs = await put(connection, [Entry(None, str(each), SHOWN, each, 1, hit) for each in shown], now)
    hits = list(zip(shown, logs, strict=True))
    await things.log_hits(connection, hits, looker.staff_id, (asked.purpose, asked.reference or ""), now)
    return Found(shown, rows[wanted.limit - 1][0] if len(rows) > wanted.limit else None)
