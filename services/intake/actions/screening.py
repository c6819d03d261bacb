"""How records stand to who looks; and what lets somebody look: tasks as review tells them, marks of sensitivity."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.intake.actions.cases import Case
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import ACCEPTED, Verdict
from services.intake.domain.screening import Looker, Seen, Stand, parties, sensitive_by, stand
from services.intake.storage import screening as storage
from shared.auth import Person
from shared.db import Connection
from shared.errors import Forbidden, NotFound, require_version
from shared.events import TaskChanged, encode
from shared.events.access import Step
from shared.log import Entry, put
from shared.policy import Pack

UNKNOWN = "No record with this id came in; compute it as docs/ids.md says."
"""Of what is not there, and, word for word, of what is not shown to be there."""
STEP = "tenure.access.step.v1"


def looker_of(person: Person) -> Looker:
    """Give who looks; without a staff id nobody can tell whether a record is about them."""
    return Looker(person.decides_as(), person.roles)


async def seen(connection: Connection, pack: Pack, staff_id: str, records: Collection[UUID]) -> dict[UUID, Seen]:
    """Load what rules about looking go by, in two statements for however many records."""
    rows = await storage.about(connection, records, staff_id) if records else []
    states = {row["record_uid"]: _decoded(row["metadata"]) for row in rows}
    named = {uid: parties(state) for uid, state in states.items()}
    people: dict[UUID, list[dict[str, Any]]] = {}
    refs = set().union(*named.values())
    for row in await storage.parties(connection, refs) if refs else ():
        people.setdefault(row["whose"], []).append(_decoded(row["metadata"]))
    found = {}
    for row in rows:
        uid = row["record_uid"]
        told = [each for ref in named[uid] for each in people.get(ref, ())]
        found[uid] = _seen(pack, states[uid], told, row)
    return found


class _State(NamedTuple):
    """What of a state tells its record type, where it was sent without one."""

    record_type: str | None
    source_system: str
    offences: Sequence[str]
    metadata: Mapping[str, str]


def _seen(pack: Pack, state: dict[str, Any], told: Sequence[dict[str, Any]], row: Any) -> Seen:
    named, system = state.get("metadata") or {}, state.get("source_system", "")
    return Seen(
        record_id=row["record_uid"],
        record_type=pack.type_of(_State(state.get("record_type"), system, state.get("offences") or (), named)),
        unit=state.get("unit"),
        marking=state.get("marking"),
        offences=frozenset(state.get("offences") or ()),
        flags=frozenset(flag for each in told for flag in each.get("flags") or ()),
        staff=frozenset(each["staff_id"] for each in told if each.get("staff_id")),
        restricted=row["restricted"] or bool(state.get("restricted")),
        marked=row["marked"],
        tasks=tuple(row["tasks"]),
    )


def linked(metadata: bytes | None) -> frozenset[UUID]:
    """Give the persons that a record's metadata links."""
    return parties(_decoded(metadata))


def _decoded(metadata: bytes | None) -> dict[str, Any]:
    return msgspec.json.decode(metadata, type=dict[str, Any]) if metadata else {}


async def hidden(connection: Connection, pack: Pack, looker: Looker, subjects: Set[UUID]) -> frozenset[UUID]:
    """Give those of some records and persons that are not shown to exist to who looks."""
    known = await seen(connection, pack, looker.staff_id, subjects)
    stands = {uid: stand(looker, each, pack.access.screens) for uid, each in known.items()}
    people = await storage.parties(connection, set(subjects) - known.keys()) if subjects - known.keys() else ()
    themselves = {row["whose"] for row in people if _decoded(row["metadata"]).get("staff_id") == looker.staff_id}
    return frozenset(uid for uid, how in stands.items() if how in ("hidden", "own_file")) | themselves


async def shown(connection: Connection, pack: Pack, looker: Looker, record: UUID) -> Seen:
    """Give what is known of a record that is shown to who looks; refuse as its screen says."""
    found = (await seen(connection, pack, looker.staff_id, [record])).get(record)
    if found is None:
        raise NotFound(UNKNOWN)
    refuse(stand(looker, found, pack.access.screens))
    return found


def refuse(how: Stand) -> None:
    """Refuse what is not shown; what is not shown to exist as if it did not."""
    if how in ("hidden", "own_file"):
        raise NotFound(UNKNOWN)
    if how == "screened":
        message = "The policy pack screens this record from your role. Ask professional standards who may see it."
        raise Forbidden(message, "screened")


PAIRS = frozenset({"merged", "unmerged", "distinguished"})


async def follow_pairs(connection: Connection, cases: Iterable[Case], verdicts: Iterable[Verdict]) -> None:
    """Keep which nominals the accepted events of a batch call one person, no longer one, or never one."""
    rows: dict[UUID, tuple[UUID, UUID | None, UUID | None, bool, bool]] = {}
    for case, verdict in zip(cases, verdicts, strict=True):
        sound = case.found
        if not isinstance(sound, Sound) or sound.kind not in PAIRS or verdict.outcome != ACCEPTED:
            continue
        if sound.kind == "unmerged":
            assert sound.withdraws is not None, "it names the merge that it undoes"
            held = rows.get(sound.withdraws, (sound.withdraws, None, None, False, False))
            rows[sound.withdraws] = (*held[:4], True)
        else:
            undone = sound.event_uid in rows
            never = sound.kind == "distinguished"
            rows[sound.event_uid] = (sound.event_uid, sound.nominal, sound.other, never, undone)
    if rows:
        await storage.store_pairs(connection, sorted(rows.values(), key=lambda row: row[0].bytes))


async def follow_tasks(connection: Connection, changed: Sequence[TaskChanged]) -> None:
    """Keep the newest word on each task; older versions change nothing."""
    newest = {event.task_id: event for event in sorted(changed, key=lambda event: event.version)}
    rows = [(e.task_id, e.version, e.state, e.assignee, e.records) for e in newest.values()]
    if rows:
        await storage.store_tasks(connection, sorted(rows, key=lambda row: row[0].bytes))


async def sensitivity(connection: Connection, pack: Pack, looker: Looker, record: UUID) -> dict[str, Any]:
    """Say whether a record is sensitive, by which rules, and who has marked it."""
    found = await shown(connection, pack, looker, record)
    held = await storage.mark(connection, record)
    by = sensitive_by(found, pack.access.sensitive)
    marked = None if held is None else {name: held[name] for name in ("sensitive", "reason", "marked_by", "marked_at")}
    return {
        "record_id": record,
        "sensitive": bool(by),
        "by": by,
        "mark": marked,
        "version": held["version"] if held else 0,
    }


async def mark(
    connection: Connection, who: tuple[Pack, Looker, UUID], said: tuple[bool, str], meant: int, now: datetime
) -> dict[str, Any]:
    """Call a record sensitive, or no longer; a pack's rule is not undone by it."""
    pack, looker, record = who
    await shown(connection, pack, looker, record)
    held = await storage.mark(connection, record)
    require_version(meant, held["version"] if held else 0)
    version = await storage.set_mark(connection, record, (*said, looker.staff_id), now)
    step = Step("marked" if said[0] else "unmarked", record, looker.staff_id, None, now, version)
    await put(connection, [Entry(None, str(record), STEP, record, version, encode(step))], now)
    return await sensitivity(connection, pack, looker, record)
