"""A review puts a person in another group: the facts that it had before it raise them no more, later ones do."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.retention.domain.decided import regrouped_fact
from services.retention.storage import regrouping, reviews, roots
from services.retention.storage.facts import NewFact, made_here
from services.retention.storage.reviews import Covered, Subject
from shared.db import Connection
from shared.events import ReviewDecided
from shared.ids import named


class Had(NamedTuple):
    """What a review of a person had before it: their own states, those of each record carried, and who they are."""

    own: list[UUID]
    records: dict[int, list[UUID]]
    nominals: list[UUID]


async def before(connection: Connection, subject: Subject) -> Had | None:
    """Read the states that a decision about a person is taken on; None: it is about a record alone."""
    kind, root = subject
    if kind != "nominal":
        return None
    members = await roots.members_of(connection, root)
    covered = (await reviews.members(connection, [subject])).get(subject, Covered())
    own, of_records = await regrouping.states(connection, members, sorted(covered.carried))
    return Had(own, of_records, await regrouping.refs(connection, members))


def of_person(decided: ReviewDecided, had: Had | None) -> tuple[str, list[UUID]] | None:
    """Give what the person's own fact says beside the decision: the group, and their own states before it."""
    return (decided.group, had.own) if decided.group and had else None


def to_records(decided: ReviewDecided, had: Had, now: datetime) -> list[NewFact]:
    """Make the facts by which each record carried knows of it."""
    return [_fact(decided, key, had.nominals, states, now) for key, states in sorted(had.records.items())]


def _fact(decided: ReviewDecided, key: int, nominals: list[UUID], states: list[UUID], now: datetime) -> NewFact:
    uid = named(f"regrouped\n{decided.review_id}\n{decided.version}\n{key}")
    return made_here(regrouped_fact(uid, key, decided.decided_on, nominals, states), now, record_key=key)
