"""Why a record's date is what it is: worked out again, on demand, by the functions that gave it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.retention.actions.announce import shown_state
from services.retention.actions.holds import HOLDABLE
from services.retention.actions.people import linked
from services.retention.domain import derivation
from services.retention.storage import facts, holds, identities, links, reads
from services.retention.storage.reads import Row
from shared.db import Connection
from shared.errors import NotFound
from shared.policy import Pack
from shared.sentences import sentences

Shown = dict[str, Any]


async def explain_record(connection: Connection, record_id: UUID, pack: Pack) -> Shown:
    """Give a record's schedule with its derivation, in steps and in sentences."""
    row = await reads.find_record(connection, record_id)
    if row is None:
        raise NotFound("No schedule of this record is held here: no state of it has been registered yet.")
    steps = await derive(connection, row["record_key"], pack)
    told = {"derivation": steps, "sentences": sentences(steps), "unsettled": row["unsettled"]}
    return {**summary(row), "held": await _held(connection, row), **told}


async def _held(connection: Connection, row: Row) -> bool:
    """Ask the holds themselves: the sweep shows one on its records some time after it is in force."""
    return row["lifecycle"] in HOLDABLE and bool(await holds.covering(connection, [row["record_key"]]))


async def derive(connection: Connection, record_key: int, pack: Pack) -> Shown:
    """Derive a record's date again from its facts, its people's and the pack."""
    own = (await facts.facts_of_records(connection, [record_key]))[record_key]
    named = (await links.links_of(connection, [record_key]))[record_key]
    people = await linked(connection, named, pack)
    return derivation(own, people.get(record_key, ()), pack)


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
