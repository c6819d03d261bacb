"""Ask everybody who looked at some records why they did, and conclude."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Record

from services.intake.actions import screening
from services.intake.actions.access import OVERSEERS
from services.intake.domain.access_reviews import (
    Answer,
    Outcome,
    State,
    check_answer,
    check_conclude,
    check_span,
    state_of,
)
from services.intake.domain.screening import Looker
from services.intake.storage import access_reviews as storage
from services.intake.storage import screening as known
from shared.db import Connection
from shared.errors import Invalid, NotFound, require_version
from shared.events import encode
from shared.events.access import Step
from shared.log import Entry, put
from shared.policy import Pack

RECORDS_MAX = 1_000
_AT_ONCE = 500
_NONE = "No access review has this id, or none that is yours; list them with GET /v1/access-reviews."


class Wanted(NamedTuple):
    """Which views a review is about: of these records, or of a person's, between two instants."""

    records: Sequence[UUID]
    nominal: UUID | None
    since: datetime
    until: datetime
    reason: str


class By(NamedTuple):
    """Who acts, under which pack, when."""

    pack: Pack
    looker: Looker
    now: datetime


async def start(connection: Connection, by: By, review: UUID, wanted: Wanted) -> None:
    """Open a review and ask everybody to whom content of its records was shown."""
    check_span(wanted.since, wanted.until, by.now)
    if not wanted.records and wanted.nominal is None:
        raise Invalid("Name records, or a person whose records are meant.", "scope_empty")
    records = await _named(connection, by, wanted) | await _of_person(connection, by, wanted)
    if len(records) > RECORDS_MAX:
        raise Invalid(f"These are more than {RECORDS_MAX} records. Open several reviews.", "too_many_records")
    asked = await storage.views(connection, records, wanted.since, wanted.until)
    state = state_of([None] * len(asked))
    row = (review, wanted.since, wanted.until, sorted(records), wanted.reason, by.looker.staff_id, by.now, state)
    await storage.store(connection, row, asked)
    await _note(connection, by, Step("opened", review, by.looker.staff_id, None, by.now, 1))


async def _named(connection: Connection, by: By, wanted: Wanted) -> set[UUID]:
    """Give the records that are named, and refuse what is not there, or not shown to be, alike."""
    named = set(wanted.records)
    known = await screening.seen(connection, by.pack, by.looker.staff_id, named)
    if named - known.keys() or await screening.hidden(connection, by.pack, by.looker, named):
        raise NotFound(screening.UNKNOWN)
    return named


async def _of_person(connection: Connection, by: By, wanted: Wanted) -> set[UUID]:
    """Find the records that were viewed in the span and link a person: others have nobody to ask."""
    found: set[UUID] = set()
    after: UUID | None = None
    person = await known.same_people(connection, [wanted.nominal]) if wanted.nominal is not None else set()
    while person:
        part = await storage.viewed(connection, wanted.since, wanted.until, after, _AT_ONCE)
        rows = await known.about(connection, part, "")
        found |= {row["record_uid"] for row in rows if person & screening.linked(row["metadata"])}
        if len(part) < _AT_ONCE:
            break
        after = part[-1]
    return found - await screening.hidden(connection, by.pack, by.looker, found)


async def _note(connection: Connection, by: By, step: Step) -> None:
    await put(
        connection,
        [Entry(None, str(step.subject), screening.STEP, step.subject, step.version, encode(step))],
        by.now,
    )


async def find(
    connection: Connection, by: By, state: State | None, part: tuple[int | None, int]
) -> tuple[list[Record], bool]:
    """List reviews; who does not oversee them sees those that ask them, and nobody one of a file about themselves."""
    asked = None if by.looker.roles & OVERSEERS else by.looker.staff_id
    after, limit = part
    found: list[Record] = []
    while len(found) <= limit:
        rows = await storage.page(connection, state, asked, after, limit + 1)
        kept = await screening.hidden(connection, by.pack, by.looker, {uid for row in rows for uid in row["records"]})
        found += [row for row in rows if asked or not kept.intersection(row["records"])]
        if len(rows) <= limit:
            break
        after = rows[-1]["review_key"]
    return found[:limit], len(found) > limit


async def whole(connection: Connection, by: By, review: UUID) -> dict[str, Any]:
    """Give a review with everybody it asks: those who have not answered first."""
    row = await _found(connection, by, review)
    asked = [dict(each) for each in await storage.asks(connection, row["review_key"])]
    return {**dict(row), "viewers": asked}


async def _found(connection: Connection, by: By, review: UUID) -> Record:
    row = await storage.lock(connection, review)
    if row is None or await screening.hidden(connection, by.pack, by.looker, set(row["records"])):
        raise NotFound(_NONE)
    return row


async def own(connection: Connection, by: By, review: UUID) -> dict[str, Any]:
    """Give what one is asked: one's views, and the answer so far; of a review that asks one and no other."""
    row, ask = await _asked(connection, by, review)
    views = await storage.views_of(connection, ask["views"])
    kept = await screening.hidden(connection, by.pack, by.looker, {view["record_id"] for view in views})
    shown = [dict(view) for view in views if view["record_id"] not in kept]
    answered = {name: ask[name] for name in ("answer", "reason", "answered_at", "version")}
    return {"review_id": review, "state": row["state"], "asked_for": row["reason"], "views": shown, **answered}


async def _asked(connection: Connection, by: By, review: UUID) -> tuple[Record, Record]:
    row = await storage.lock(connection, review)
    ask = None if row is None else await storage.ask(connection, row["review_key"], by.looker.staff_id)
    if row is None or ask is None:
        raise NotFound(_NONE)
    return row, ask


async def answer(connection: Connection, by: By, meant: tuple[UUID, int], said: tuple[Answer, str]) -> dict[str, Any]:
    """Take one's answer; the review is answered once everybody has."""
    review, version = meant
    row, ask = await _asked(connection, by, review)
    require_version(version, ask["version"])
    check_answer(row["state"])
    actor = by.looker.staff_id
    held = await storage.answer(connection, row["review_key"], actor, *said, by.now)
    state: State = state_of([each["answer"] for each in await storage.asks(connection, row["review_key"])])
    await storage.move(connection, row["review_key"], state, None, None, None, None)
    await _note(connection, by, Step("answered", review, actor, said[0], by.now, held))
    return await own(connection, by, review)


async def conclude(
    connection: Connection, by: By, meant: tuple[UUID, int], said: tuple[Outcome, str]
) -> dict[str, Any]:
    """Conclude a review with an outcome and its reason; who has not answered stays in sight."""
    review, version = meant
    row = await _found(connection, by, review)
    require_version(version, row["version"])
    asked = [each["actor"] for each in await storage.asks(connection, row["review_key"])]
    check_conclude(row["state"], asked, by.looker.staff_id)
    await storage.move(connection, row["review_key"], "concluded", *said, by.looker.staff_id, by.now)
    await _note(connection, by, Step("concluded", review, by.looker.staff_id, said[0], by.now, row["version"] + 1))
    return await whole(connection, by, review)
