"""Why a record's date is what it is: worked out again, on demand, by the functions that gave it."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.retention.actions import as_of, what_if
from services.retention.actions.announce import shown_state
from services.retention.actions.as_of import Then
from services.retention.actions.case_told import standing
from services.retention.actions.holds import HOLDABLE
from services.retention.actions.packs import cited_pack
from services.retention.actions.people import linked
from services.retention.domain import derivation
from services.retention.domain.as_of import When
from services.retention.domain.derivation import WHOLE
from services.retention.domain.derivation.leaving_out import (
    by_another_s_age,
    others_group,
    reviewed_on_another_s_day,
    without_third_persons,
)
from services.retention.storage import holds, identities, links, reads
from services.retention.storage.reads import Row
from shared.db import Connection
from shared.errors import NotFound, TooLarge
from shared.policy import Pack
from shared.sentences import sentences

Shown = dict[str, Any]


class Telling(NamedTuple):
    """What is to be told beside the dates: for whose eyes, and what would be without which fact."""

    leave_out: bool = False
    nominal: UUID | None = None
    """Whom it is told for, where all others are left out."""
    without: UUID | None = None
    counterfactuals: bool = False


async def explain_record(connection: Connection, record_id: UUID, pack: Pack, telling: Telling | None = None) -> Shown:
    """Give a record's schedule as it stands, with its derivation in steps and sentences, by the pack that it cites."""
    row = await reads.find_record(connection, record_id)
    if row is None:
        raise NotFound("No schedule of this record is held here: no state of it has been registered yet.")
    pack = await cited_pack(connection, row["pack"], pack)
    shown = {**summary(row), "held": await _held(connection, row), "unsettled": row["unsettled"]}
    then = await as_of.stands(connection, row["record_key"], record_id, pack)
    if then is None:
        return await _by_links(connection, shown, row["record_key"], pack, telling or Telling())
    return tell(shown, then, record_id, telling or Telling())


async def _by_links(connection: Connection, shown: Shown, key: int, pack: Pack, telling: Telling) -> Shown:
    """Explain a record whose persons have too many to fold them all: by what those give together."""
    if telling.without or telling.counterfactuals:
        raise TooLarge("Too many records hang together with this to say what would be without a fact.", "too_much_then")
    own, dated, filed = await standing(connection, pack, [key])
    people = await linked(connection, (await links.links_of(connection, [key]))[key], pack)
    return _told(shown, derivation(own[key], people.get(key, ()), pack, WHOLE, dated.get(key), filed[key]), telling)


async def explain_then(
    connection: Connection, record_id: UUID, when: When, pack: Pack, today: date, telling: Telling
) -> Shown:
    """Give a record's schedule as it was on a day, as known at an instant, with its derivation."""
    shown, then = await as_of.record_then(connection, record_id, when, pack, today)
    return tell(shown, then, record_id, telling)


def tell(shown: Shown, then: Then, record_id: UUID, telling: Telling) -> Shown:
    """Add the derivation, what would be without facts where that is asked, and leave out whom it is not for."""
    told = _told(shown, as_of.derive_then(then, record_id), telling)
    asked = _asked_about(told["derivation"], telling)
    if asked:
        would: Shown = {"v": 1, "steps": what_if.without(then, record_id, asked)}
        told |= {"without": would["steps"], "would_be": sentences(would)}
    return told


def _asked_about(derivation: Shown, telling: Telling) -> list[UUID]:
    if telling.without is None:
        return what_if.binding(derivation) if telling.counterfactuals else []
    if telling.leave_out and telling.without not in what_if.named(derivation):
        raise NotFound(what_if.NO_SUCH_FACT, "no_such_fact")
    return [telling.without]


def _told(shown: Shown, steps: Shown, telling: Telling) -> Shown:
    if telling.leave_out:
        keep = [str(telling.nominal)] if telling.nominal else []
        hidden = {"group": None} if others_group(steps, shown["group"], keep) else {}
        steps = without_third_persons(steps, keep)
        if by_another_s_age(steps):
            hidden |= dict.fromkeys(("keep_until", "actionable_from", "open_on", "review_on"))
        if reviewed_on_another_s_day(steps):
            hidden["review_on"] = None
        shown = {**shown, **hidden}
    return {**shown, "derivation": steps, "sentences": sentences(steps)}


async def _held(connection: Connection, row: Row) -> bool:
    """Ask the holds themselves: the sweep shows one on its records some time after it is in force."""
    return row["lifecycle"] in HOLDABLE and bool(await holds.covering(connection, [row["record_key"]]))


async def explain_nominal(
    connection: Connection, nominal_ref: UUID, after: int, limit: int
) -> tuple[Shown, int | None]:
    """Give a person's schedule with a page of the records that name them, and the key after which the next begins."""
    row = await reads.find_nominal(connection, nominal_ref)
    if row is None:
        raise NotFound("No fact about this nominal is held here.")
    found = await reads.records_of(connection, row["nominal_key"], after, limit)
    records = [
        {**summary(each), "offending": each["offending"], "gives_group": each["gives_group"]} for each in found[:limit]
    ]
    names = ("clock_on", "keep_until", "review_on", "by_age", "birth_known", "reviewed_on", "problem", "version")
    person = {name: row[name] for name in names}
    more = found[limit - 1]["record_key"] if len(found) > limit else None
    members = row["members"] or [nominal_ref]
    person |= {"root": row["root"], "members": members, "waiting": await identities.about(connection, members)}
    return {"nominal_ref": nominal_ref, "group": row["grp"], **person, "records": records}, more


def summary(row: Row) -> Shown:
    """Give a schedule as lists show it."""
    same = (
        "clock_on", "floor_until", "keep_until", "actionable_from", "open_on", "review_on", "review_kind", "by_age",
        "problem", "owner", "cause", "held", "restricted", "reason", "pack", "version",
    )  # fmt: skip
    renamed = {"record_id": row["record_uid"], "group": row["grp"], "class": row["class_id"], "row": row["row_id"]}
    state = {"state": shown_state(row["state"], row["lifecycle"]), "lifecycle": row["lifecycle"], "end": row["ends"]}
    return renamed | state | {name: row[name] for name in same}


def exception(row: Row, now: datetime) -> Shown:
    """Give a record that cannot be dated: why, whose it is to mend, and for how long it has been so."""
    since: datetime = row["problem_since"]
    return {**summary(row), "since": since, "age_days": (now - since).days}
