"""Take in a batch of arrivals: one receipt each, whatever comes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.intake.actions import announcing
from services.intake.domain import deciding
from services.intake.domain.checking import History, Sound, check, shown
from services.intake.domain.deciding import Subject, Verdict
from services.intake.domain.reading import Refused, Sent, Unsound
from services.intake.storage import arrivals as storage
from services.intake.storage import quarantine
from shared.bodies import Plain, store
from shared.calendar_rules import Period, add
from shared.db import Connection
from shared.events import Place, Reason, encode
from shared.ids import event_uid
from shared.keys import Keys
from shared.log import put
from shared.policy import Pack

UNKNOWN = "unknown"
QUARANTINE_REVIEW = Period.parse("7d")
_MARKED = Reason(
    "marking_forbidden", "/data/marking", "The marking is above what this estate may hold; it was not stored."
)
_pack_message = msgspec.msgpack.Encoder().encode


class Message(NamedTuple):
    """The original bytes of an arrival, as they are sealed when they wait in quarantine."""

    mode: str
    headers: dict[str, str]
    raw: bytes | None


class Arrival(NamedTuple):
    """One message or request item, where it came in, and what was read in it."""

    receipt_id: UUID
    place: Place
    channel: int
    key: str | None
    message: Message
    read: Sent | Unsound | Refused
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking in needs beside the database: keys, the pack, which slot counts."""

    keys: Keys
    pack: Pack
    slot: int


class Case(NamedTuple):
    """An arrival on its way to its verdict."""

    arrival: Arrival
    event_uid: UUID
    source: str
    mac: bytes
    found: Sound | tuple[Reason, ...]


@dataclass(slots=True)
class Work:
    """What a batch has come to so far."""

    cases: list[Case]
    sources: dict[str, int]
    subjects: dict[History, Subject] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    firsts: list[bool] = field(default_factory=list)


async def take_in(
    connection: Connection, desk: Desk, arrived: Sequence[Arrival], now: datetime, today: date
) -> list[announcing.Receipted]:
    """Give each arrival its receipt, store what it changed, and announce both; gives the receipts in order."""
    if not arrived:
        return []
    cases = [open_case(desk, arrival, today) for arrival in arrived]
    work = Work(cases, await storage.source_keys(connection, {case.source for case in cases}))
    seen = await storage.first_arrivals(connection, list({case.event_uid for case in cases}))
    await judge(connection, desk, work, seen)
    return await _store(connection, desk, work, now, today)


def open_case(desk: Desk, arrival: Arrival, today: date) -> Case:
    """Read who an arrival is from and check it."""
    read = arrival.read
    if isinstance(read, Refused):
        source = arrival.principal or UNKNOWN
        return Case(arrival, arrival.receipt_id, source, desk.keys.mac(arrival.message.raw or b""), (read.reason,))
    uid = event_uid(read.source, read.id)
    if isinstance(read, Unsound):
        return Case(arrival, uid, read.source, desk.keys.mac(arrival.message.raw or b""), (read.reason,))
    marking = read.data.get("marking")
    if isinstance(marking, str) and marking in desk.pack.forbidden_markings:
        return Case(arrival, uid, read.source, desk.keys.mac(read.body()), (_MARKED,))
    found = check(read, desk.pack, today)
    known = desk.pack.sources.get(read.source)
    if arrival.principal is not None and known is not None and known.principal != arrival.principal:
        found = (Reason("not_your_source", "/source", "This token may not send events of that source."),)
    return Case(arrival, uid, read.source, desk.keys.mac(read.body()), found)


def _state_mac(desk: Desk, sound: Sound) -> bytes:
    kind = b"withdrawn\n" if sound.sent.type.endswith(".withdrawn.v1") else b"state\n"
    return desk.keys.mac(kind + sound.sent.canonical)


async def judge(connection: Connection, desk: Desk, work: Work, seen: dict[UUID, tuple[bytes, str]]) -> None:
    """Reach each case's verdict, in order; `seen` are the events that came before, and their body MACs."""
    sounds = [case.found for case in work.cases if isinstance(case.found, Sound) and case.event_uid not in seen]
    states = [sound for sound in sounds if sound.sequence]
    by_source = {sound.event_uid: work.sources[sound.sent.source] for sound in sounds}
    wanted = {
        sound.history: storage.Wanted(sound.subject, sound.kind, by_source[sound.event_uid])
        for sound in reversed(states)
    }
    if wanted:
        work.subjects = await storage.lock_subjects(connection, wanted)
    asked = [(work.subjects[sound.history], sound.sequence) for sound in states]
    asked = [(subject, sequence) for subject, sequence in asked if sequence <= subject.sequence]
    if asked:
        await storage.load_states(connection, asked)
    about = [sound.subject for sound in sounds if not sound.sequence]
    captured = await storage.captured_of(connection, about) if about else {}
    for case in work.cases:
        known = seen.get(case.event_uid)
        work.firsts.append(known is None)
        verdict = _judge_new(desk, work, case, captured) if known is None else _judge_again(case, known)
        seen.setdefault(case.event_uid, (case.mac, verdict.outcome))
        work.verdicts.append(verdict)


def _judge_new(desk: Desk, work: Work, case: Case, captured: dict[UUID, deciding.Captured]) -> Verdict:
    if isinstance(case.arrival.read, Refused):
        return Verdict(deciding.UNREADABLE, (case.arrival.read.reason,))
    if case.found == (_MARKED,):
        return Verdict(deciding.FORBIDDEN, case.found)
    if not isinstance(case.found, Sound):
        return Verdict(deciding.QUARANTINED, case.found)
    if not case.found.sequence:
        return deciding.judge_fact(case.found, captured, desk.pack)
    subject = work.subjects[case.found.history]
    return deciding.judge_state(_state_mac(desk, case.found), case.found.sequence, work.sources[case.source], subject)


def _judge_again(case: Case, known: tuple[bytes, str]) -> Verdict:
    verdict = deciding.judge_again(case.mac, known[0])
    if verdict.outcome == deciding.QUARANTINED and case.found == (_MARKED,):
        return Verdict(deciding.FORBIDDEN, case.found)  # Whatever its id: it is not stored.
    return verdict


async def _store(
    connection: Connection, desk: Desk, work: Work, now: datetime, today: date
) -> list[announcing.Receipted]:
    keys = await storage.draw_arrival_keys(connection, len(work.cases))
    bodies = await seal_bodies(connection, desk, work)
    rows = [_row(work, number) for number in range(len(work.cases))]
    await storage.store_arrivals(connection, keys, rows, now, today)
    await store_new_states(connection, desk, work, keys, bodies, today)
    waiting = _waiting(work, keys, bodies, rows)
    if waiting:
        await quarantine.store(connection, waiting, now, add(today, QUARANTINE_REVIEW, desk.pack.leap))
    resolved = await resolve_waiting(connection, work, [row.subject for row in rows])
    counted = Counter((row.source_key, row.outcome) for row in rows)
    await storage.count(connection, counted, today, desk.slot)
    told = announcing.Told(now, today, desk.pack.metadata_keys)
    receipts = [
        announcing.receipt(case, verdict, told) for case, verdict in zip(work.cases, work.verdicts, strict=True)
    ]
    entries = [announcing.receipt_entry(receipt) for receipt in receipts]
    for case, verdict in zip(work.cases, work.verdicts, strict=True):
        entries += announcing.consequences(case, verdict, told)
    entries += [announcing.resolved(event, subject, now) for event, subject in resolved]
    await put(connection, entries, now)
    return receipts


async def seal_bodies(connection: Connection, desk: Desk, work: Work) -> dict[int, int]:
    """Seal the content of states, and the whole of what waits or cannot be read; gives body ids by case number."""
    plain: dict[int, Plain] = {}
    for number, (case, verdict) in enumerate(zip(work.cases, work.verdicts, strict=True)):
        if verdict.outcome in (deciding.QUARANTINED, deciding.UNREADABLE):
            plain[number] = Plain(None, _pack_message(case.arrival.message))
        elif _new_state(case, verdict):
            assert isinstance(case.found, Sound)
            plain[number] = Plain(work.subjects[case.found.history].key, case.found.sent.canonical)
    ids = await store(connection, desk.keys, list(plain.values()))
    return dict(zip(plain, ids, strict=True))


def _new_state(case: Case, verdict: Verdict) -> bool:
    stored = verdict.outcome in (deciding.ACCEPTED, deciding.SUPERSEDED)
    return stored and isinstance(case.found, Sound) and case.found.sequence > 0


def _row(work: Work, number: int) -> storage.ArrivalRow:
    case, verdict = work.cases[number], work.verdicts[number]
    read, arrival, found = case.arrival.read, case.arrival, case.found
    subject = found.subject if isinstance(found, Sound) else deciding.subject_of(read, arrival.key)
    subject = None if verdict.outcome == deciding.FORBIDDEN else subject
    record = work.subjects[found.history].key if isinstance(found, Sound) and found.history in work.subjects else None
    return storage.ArrivalRow(
        receipt_id=arrival.receipt_id,
        event_uid=case.event_uid,
        first=work.firsts[number],
        source_key=work.sources[case.source],
        channel=arrival.channel,
        place=encode(arrival.place).decode(),
        event_id=None if isinstance(read, Refused) else read.id,
        type=None if isinstance(read, Refused) else read.type,
        subject=subject,
        outcome=verdict.outcome,
        reasons=encode(verdict.reasons).decode() if verdict.reasons else None,
        body_mac=case.mac,
        record_key=record,
    )


async def store_new_states(
    connection: Connection, desk: Desk, work: Work, keys: list[int], bodies: dict[int, int], today: date
) -> None:
    """Store the states that verdicts took, and move their subjects on."""
    states: list[tuple[Any, ...]] = []
    moved: dict[int, tuple[Any, ...]] = {}
    for number, (case, verdict) in enumerate(zip(work.cases, work.verdicts, strict=True)):
        if not _new_state(case, verdict):
            continue
        sound = case.found
        assert isinstance(sound, Sound)
        subject = work.subjects[sound.history]
        mac = subject.states[sound.sequence]
        states.append((subject.key, sound.sequence, verdict.version, mac, keys[number], bodies[number]))
        metadata = moved.get(subject.key, (None,))[-1]
        if verdict.outcome == deciding.ACCEPTED and not sound.sent.type.endswith(".withdrawn.v1"):
            metadata = encode(shown(sound, desk.pack.metadata_keys))
        moved[subject.key] = (subject.key, subject.sequence, subject.version, subject.state_mac, metadata)
    if states:
        await storage.store_states(connection, states)
        await storage.move_subjects(connection, list(moved.values()), today)


def _waiting(
    work: Work, keys: list[int], bodies: dict[int, int], rows: list[storage.ArrivalRow]
) -> list[tuple[Any, ...]]:
    waiting: list[tuple[Any, ...]] = []
    for number, row in enumerate(rows):
        if row.outcome not in (deciding.QUARANTINED, deciding.UNREADABLE):
            continue
        found, parked = work.cases[number].found, row.outcome == deciding.QUARANTINED and row.subject is not None
        read = work.cases[number].arrival.read
        sequence = found.sequence or None if isinstance(found, Sound) else announcing.sequence_of(read)
        waiting.append(
            (
                *(keys[number], row.event_uid, row.receipt_id, row.source_key, row.subject, row.record_key),
                *(sequence, bodies[number], row.reasons or "[]", parked),
            )
        )
    return waiting


async def resolve_waiting(connection: Connection, work: Work, about: Sequence[UUID | None]) -> list[tuple[UUID, UUID]]:
    """Settle what waits and is outdated by a higher sequence, whichever came first, or is corrected by name."""
    corrected: dict[UUID, int] = {}
    for case, verdict in zip(work.cases, work.verdicts, strict=True):
        if verdict.outcome != deciding.ACCEPTED or not isinstance(case.found, Sound):
            continue
        if case.found.sent.corrects:
            corrected[announcing.corrected_uid(case.found.sent)] = work.sources[case.source]
    subjects = sorted({subject for subject in about if subject is not None})
    settled = await quarantine.resolve_states(connection, subjects) if subjects else []
    if corrected:
        named = await quarantine.resolve_corrected(connection, list(corrected), list(set(corrected.values())))
        settled += [(event, subject) for event, subject in named if subject is not None]
    return settled
