"""What a route may ask for: its transaction, the day, who asks, the version meant, the page."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Annotated, NamedTuple, get_args
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from pydantic import WithJsonSchema

from shared.auth import Person
from shared.clock import policy_day, wall_clock
from shared.db import Connection, transaction
from shared.errors import Invalid, PreconditionRequired

PAGE_SIZE_MAX = 200
PAGE_SIZE = 50
CURSOR_CHARACTERS_MAX = 512
CURSOR_PARTS_MAX = 4
KEY_MAX = 2**63 - 1


async def _transaction(request: Request) -> AsyncIterator[Connection]:
    async with transaction(request.app.state.engine) as connection:
        await request.app.state.edge.packs.current(connection)
        yield connection


# Scope "function": FastAPI's default commits after the answer is out, and the answer would promise what may yet fail.
Transaction = Annotated[Connection, Depends(_transaction, scope="function")]


def _now() -> datetime:
    return wall_clock()


Now = Annotated[datetime, Depends(_now)]


async def _today(request: Request, connection: Transaction, now: Now) -> date:
    return await policy_day(connection, now, request.app.state.edge.zone)


Today = Annotated[date, Depends(_today)]


def _person(request: Request) -> Person:
    person = request.scope.get("state", {}).get("person")
    assert isinstance(person, Person), "the door names the person of every route that asks for roles"
    return person


Asker = Annotated[Person, Depends(_person)]


def etag(response: Response, version: int) -> None:
    """Say which version an answer shows."""
    response.headers["ETag"] = f'"{version}"'


def _if_match(request: Request) -> int:
    sent = request.headers.get("if-match")
    if sent is None:
        raise PreconditionRequired("Send If-Match with the ETag of what you read, so that you change what you saw.")
    found = re.fullmatch(r'"([0-9]{1,18})"', sent.strip())
    if found is None:
        message = 'If-Match must be one ETag as this service gave it, like "3". Read the resource again.'
        raise Invalid(message, "if_match_unreadable")
    return int(found[1])


IfMatch = Annotated[int, Depends(_if_match)]


class Page(NamedTuple):
    """Which part of a list is asked for: at most `limit` items, after the sort key `after`."""

    limit: int
    after: tuple[str | int, ...] | None

    def key(self, first: int = 0) -> int:
        """Give the one key after which the list goes on, `first` at its start; another list's cursor is refused."""
        after = (first,) if self.after is None else self.after
        if len(after) != 1 or not isinstance(after[0], int) or not 0 <= after[0] <= KEY_MAX:
            raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable")
        return after[0]


def _page(
    limit: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE,
    cursor: Annotated[str | None, Query(max_length=CURSOR_CHARACTERS_MAX)] = None,
) -> Page:
    return Page(limit, None if cursor is None else _open_cursor(cursor))


Paged = Annotated[Page, Depends(_page)]


ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"


def among_words(few: object) -> WithJsonSchema:
    """Document a literal as the first contract has it, any word, and name the few that are taken beside it.

    An enumeration there would take away from what was released.
    """
    names = ", ".join(f"`{each}`" for each in get_args(few))
    return WithJsonSchema({"type": "string", "pattern": ID_PATTERN, "description": f"One of {names}."})


def _open_cursor(cursor: str) -> tuple[str | int, ...]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    good = isinstance(parts, list) and 0 < len(parts) <= CURSOR_PARTS_MAX
    if not good or not all(type(part) in (str, int) and "\x00" not in str(part) for part in parts):
        raise Invalid("The cursor is not one that this service gave. Start again without it.", "cursor_unreadable")
    return tuple(parts)


def next_link(request: Request, response: Response, after: Sequence[str | int] | None) -> None:
    """Say where the next page is, as a `Link` header; None: this was the last."""
    if after is None:
        return
    cursor = base64.urlsafe_b64encode(json.dumps(list(after), separators=(",", ":")).encode()).decode()
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    # Relative, so that no header of the request can point it elsewhere.
    response.headers["Link"] = f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
