"""Who each nominal is: themselves, or one person with those whom the index merged with them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain import Fact, Gifts, One, Waiting, identify, of_one, person_of
from services.retention.storage import facts as stored_facts
from services.retention.storage import identities as stored
from services.retention.storage import locks, merges
from services.retention.storage.facts import insert_facts, made_here
from services.retention.storage.identities import Question
from services.retention.storage.links import ToPerson
from services.retention.storage.marks import insert_marks
from services.retention.storage.schedules import Rooted
from shared.db import Connection
from shared.errors import Conflict, Invalid, NotFound
from shared.ids import named
from shared.policy import Pack

ASSIGNED = "tenure.identity.assigned"
HERE = "urn:tenure:retention"
_encode = msgspec.json.Encoder(order="deterministic").encode


class Said(NamedTuple):
    """A steward's answer: whose a fact is, or whether a merge is to stand."""

    to: UUID | None = None
    answer: Literal["accept", "refuse"] | None = None


class Tied(NamedTuple):
    """Nominals worked out together: each one's person, the keys of all, and what waits for a steward."""

    persons: dict[int, One]
    keys: dict[UUID, int]
    waiting: list[Waiting]


async def tied_of(connection: Connection, nominals: Collection[int], pack: Pack) -> list[Tied]:
    """Work out those of these nominals whom a merge ever tied to others, each with all of those.

    Who is tied is asked again once the facts are read: a merge that came in between names somebody who is not among
    them, and they are read anew.
    """
    groups, before = await _groups(connection, nominals), None
    while groups != before:
        before, read = groups, [await _read(connection, group) for group in sorted(groups, key=min)]
        groups = await _groups(connection, nominals)
    return [_tied(each, pack) for each in read]


async def _groups(connection: Connection, nominals: Collection[int]) -> set[frozenset[int]]:
    return set((await merges.ties(connection, nominals)).values())


class _Facts(NamedTuple):
    """What is known of nominals who are worked out together."""

    refs: dict[int, UUID]
    own: dict[UUID, list[Fact]]
    gifts: Gifts


async def _read(connection: Connection, group: frozenset[int]) -> _Facts:
    refs = await merges.refs_of(connection, group)
    facts = await stored_facts.facts_of_persons(connection, group)
    given = await merges.given_by_record(connection, group)
    own, gifts = {refs[key]: facts[key] for key in group}, {refs[key]: given[key] for key in group}
    shared = await merges.shared_records(connection, group)
    triggered = await merges.triggered_records(connection, group)
    return _Facts(refs, own, Gifts(gifts, shared | triggered))


def _tied(read: _Facts, pack: Pack) -> Tied:
    found = identify(read.own, read.gifts, pack)
    persons = {key: found.persons[ref] for key, ref in read.refs.items()}
    return Tied(persons, {ref: key for key, ref in read.refs.items()}, found.waiting)


def rooted(
    facts: Mapping[int, Sequence[Fact]], given: Mapping[int, Sequence[ToPerson]], tied: Iterable[Tied], pack: Pack
) -> dict[int, Rooted]:
    """Derive persons: each from their own facts and gifts, those ever tied from what they have together."""
    found = {key: Rooted(of_one(one, pack), each.keys[one.root]) for each in tied for key, one in each.persons.items()}
    alone = facts.keys() - found.keys()
    return found | {key: Rooted(person_of(facts[key], given[key], pack), key) for key in alone}


async def ask(connection: Connection, tied: Iterable[Tied]) -> None:
    """Put before stewards what waits for them, and no longer what does not; under the locks of all concerned."""
    for each in tied:
        await stored.ask(connection, each.persons.keys(), each.waiting, each.keys)


async def held(connection: Connection, event_uid: UUID) -> Question:
    """Find a question while nobody settles whom it is about: else that would ask again what is answered here."""
    await locks.wait_for_person(connection, (await found(connection, event_uid)).nominal_key)
    return await found(connection, event_uid)


async def found(connection: Connection, event_uid: UUID) -> Question:
    """Find a question, or refuse."""
    question = await stored.find(connection, event_uid)
    if question is None:
        raise NotFound("Nothing by this id was ever asked of a steward. GET /v1/identities lists what waits.")
    return question


async def assign(connection: Connection, question: Question, said: Said, by: str, today: date, now: datetime) -> None:
    """Keep a steward's answer as a fact; the dates of all concerned follow from it as from any other."""
    if question.state == "settled":
        raise Conflict("Nobody needs to answer this any more: what was said since has settled it.", "not_waiting")
    _fits(question, said)
    answer = {"of": question.event_uid, "to": said.to, "answer": said.answer, "by": by}
    told = {"type": ASSIGNED, "source": HERE, "subject": question.about, "time": now, "sequence": question.version}
    uid, about = named(f"assigned\n{question.event_uid}\n{question.version}"), question.nominal_key
    said_of = _encode({**told, "data": {"kind": "assigned", "data": answer}})
    fact = Fact(uid, "assigned", about, said_of, question.version, on_date=today)
    await insert_facts(connection, [made_here(fact, now, nominal_key=about)], now)
    await stored.answered(connection, question.event_uid, by)
    await insert_marks(connection, [], [question.nominal_key])


def _fits(question: Question, said: Said) -> None:
    """Refuse an answer to another question than was asked."""
    if question.what == "merged":
        if said.answer is None or said.to is not None:
            raise Invalid("A merge waits: answer `accept` or `refuse`, and name nobody in `to`.", "answer_needed")
    elif said.to is None or said.answer is not None:
        raise Invalid("A fact waits: name in `to` whose it is, and give no `answer`.", "person_needed")
    elif said.to not in question.between:
        raise Invalid("The fact cannot be theirs: name one of `between`.", "not_between")
