"""What people decided comes back: a retain moves the dates as a fact, a dispose opens orders where it stands today."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from services.retention.actions import regroup, unlinks
from services.retention.actions import reviews as ask
from services.retention.actions.ledger import moved
from services.retention.actions.orders import advance
from services.retention.domain import decision_fact
from services.retention.storage import decisions, orders, reviews, roots
from services.retention.storage.facts import NewFact, insert_facts, made_here
from services.retention.storage.marks import insert_marks
from services.retention.storage.reviews import Covered, Subject
from shared.db import Connection
from shared.events import ReviewDecided
from shared.ids import named
from shared.policy import Pack

_ON_BASIS = ("dispose", "amend")  # These stand only on the facts that the review had before it.


async def decide(connection: Connection, pack: Pack, decided: ReviewDecided, today: date, now: datetime) -> bool:
    """Take in one decision; says whether it was new. A subject never heard of here raises `LookupError`."""
    subject = await reviews.subject_of(connection, decided.subject_kind, decided.subject)
    if subject is None:
        raise LookupError("decision about a subject that is not known")
    await reviews.lock_subjects(connection, [subject], wait=True)
    # Before the basis is read: what came since then would change it, and the decision would not stand.
    had = await regroup.before(connection, subject) if decided.group else None
    basis = (await reviews.bases(connection, [subject]))[subject]
    lapsed = "basis_changed" if decided.outcome in _ON_BASIS and decided.basis != basis else None
    if not await _keep(connection, decided, subject, lapsed, now):
        return False
    await reviews.end(connection, [decided.review_id], "decided")
    await decisions.lapse_others(connection, subject, decided.review_id, "superseded")
    covered = await _covered(connection, decided.review_id, subject)
    if lapsed is None:
        await _as_fact(connection, decided, subject, had, now)
    if decided.outcome != "dispose" and not lapsed:
        await _retain(connection, covered, now)
    elif lapsed:
        asked = {subject: ask.Ask("triggered", "basis_changed")}
        await ask.request(connection, pack, asked, today, now)
    else:
        await advance(connection, pack, covered, today, now)
        if subject[0] == "nominal":
            await unlinks.order(connection, pack, unlinks.Whose(subject[1], decided.review_id), covered, today, now)
    return True


async def _keep(
    connection: Connection, decided: ReviewDecided, subject: Subject, lapsed: str | None, now: datetime
) -> bool:
    kind, key = subject
    keys = (key, None) if kind == "record" else (None, key)
    values = (
        *(decided.review_id, decided.version, *keys, decided.outcome, decided.basis, decided.decided_by),
        *(list(decided.approved_by), decided.decided_on, decided.next_on, now, lapsed),
    )
    return await decisions.insert_decision(connection, values)


async def _covered(connection: Connection, review_id: UUID, subject: Subject) -> list[int]:
    """List the records that a decision is about: those the review showed, and those carried today.

    What only accuses the person stays as its own row and its own review have it.
    """
    shown = (await reviews.members_of(connection, [review_id]))[review_id]
    today = (await reviews.members(connection, [subject])).get(subject, Covered())
    return sorted((shown | today.carried) - today.beside)


async def _as_fact(
    connection: Connection, decided: ReviewDecided, subject: Subject, had: regroup.Had | None, now: datetime
) -> None:
    """Keep a decision as a fact of its subject: the dates follow from it as from any other."""
    kind, root = subject
    keys = [root] if kind == "record" else await roots.members_of(connection, root)
    new = [_fact(decided, kind, key, key == root, had, now) for key in keys]
    told = regroup.to_records(decided, had, now) if had else []
    await insert_facts(connection, [*new, *told], now)
    records = [each.record_key for each in told if each.record_key is not None]
    await insert_marks(connection, keys if kind == "record" else records, keys if kind == "nominal" else [])


def _fact(
    decided: ReviewDecided, kind: str, key: int, is_root: bool, had: regroup.Had | None, now: datetime
) -> NewFact:
    """Make the fact that a decision is; each nominal of a person has it, so that an undone merge takes it from none."""
    uid = named(f"decision\n{decided.review_id}\n{decided.version}" + ("" if is_root else f"\n{key}"))
    fact = decision_fact(
        uid, key, decided.decided_on, decided.outcome, decided.next_on, regroup.of_person(decided, had)
    )
    return made_here(fact, now, **{f"{kind}_key": key})


async def _retain(connection: Connection, covered: Sequence[int], now: datetime) -> None:
    dropped = await orders.drop(connection, covered, "retained", now)
    shown = await reviews.schedules(connection, covered)
    back = [key for key, row in shown.items() if row["lifecycle"] in ("due", "in_review") or key in dropped]
    await orders.move(connection, back, "current", None)
    await moved(connection, "retained", back, None, now)
