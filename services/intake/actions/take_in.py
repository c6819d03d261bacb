"""Take in a batch of arrivals: one receipt each, whatever comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from services.intake.actions import accounts, announcing, parking, screening
from services.intake.actions.cases import Arrival, Case, Desk, State, open_case
from services.intake.actions.parking import Waiting
from services.intake.domain import deciding
from services.intake.domain.checking import Sound
from services.intake.domain.deciding import WAITING, Subject, Verdict
from services.intake.domain.manifests import counted_at
from services.intake.domain.reading import Sent
from services.intake.domain.refused import Refused
from services.intake.storage import arrivals as storage
from services.intake.storage import quarantine, things
from services.intake.storage.things import Thing
from shared.bodies import Plain, store
from shared.db import Connection
from shared.events import encode
from shared.log import put

_STORED = (deciding.ACCEPTED, deciding.SUPERSEDED)
_pack_message = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Work:
    """What a batch has come to so far."""

    cases: list[Case]
    sources: dict[str, int]
    subjects: list[Subject | None] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    firsts: list[bool] = field(default_factory=list)
    states: dict[int, tuple[Subject, Sound, State]] = field(default_factory=dict)
    """Those that are stored, by case number."""


async def take_in(
    connection: Connection, desk: Desk, arrived: Iterable[Arrival], now: datetime, today: date
) -> list[announcing.Receipted]:
    """Give each arrival its receipt, store what it changed, and announce both; gives the receipts in order."""
    cases = [open_case(desk, arrival, today) for arrival in arrived]
    if not cases:
        return []
    work = Work(cases, await storage.source_keys(connection, {case.source for case in cases}))
    seen = await storage.first_arrivals(connection, list({case.event_uid for case in cases}))
    await judge(connection, desk, work, seen)
    return await _store(connection, desk, work, now, today)


async def judge(connection: Connection, desk: Desk, work: Work, seen: dict[UUID, tuple[bytes, str]]) -> None:
    """Reach each case's verdict, in order; `seen` are the events that came before, and their body MACs."""
    new = [case.event_uid not in seen and isinstance(case.found, Sound) for case in work.cases]
    work.subjects = await _lock(connection, work, new)
    about = [
        case.found.subject
        for case, is_new in zip(work.cases, new, strict=True)
        if is_new and isinstance(case.found, Sound) and not case.found.sequence
    ]
    captured = _captured_now(work) | await storage.captured_of(connection, about) if about else {}
    for case, subject in zip(work.cases, work.subjects, strict=True):
        known = seen.get(case.event_uid)
        work.firsts.append(known is None)
        if known is None:
            verdict = _judge_new(desk, case, subject, work.sources[case.source], captured)
            seen[case.event_uid] = (case.mac, verdict.outcome)
        else:
            verdict = _judge_again(case, known)
        if subject and case.state and isinstance(case.found, Sound) and verdict.outcome in _STORED:
            work.states[len(work.verdicts)] = subject, case.found, case.state
        work.verdicts.append(verdict)


def _captured_now(work: Work) -> dict[UUID, deciding.Captured]:
    """Give the records that this batch is the first to name, and whose they are."""
    return {
        case.found.subject: deciding.Captured(case.source, False)
        for case, subject in zip(work.cases, work.subjects, strict=True)
        if subject and subject.is_new and isinstance(case.found, Sound) and case.found.kind == "record"
    }


async def _lock(connection: Connection, work: Work, new: Sequence[bool]) -> list[Subject | None]:
    """Lock the subjects of new states, with the stored states of the sequences that came; gives them by case."""
    states = [
        case.found if is_new and isinstance(case.found, Sound) and case.found.sequence else None
        for case, is_new in zip(work.cases, new, strict=True)
    ]
    wanted = {
        sound.history: storage.Wanted(sound.subject, sound.kind, work.sources[sound.sent.source])
        for sound in reversed(states)
        if sound
    }
    locked = await storage.lock_subjects(connection, wanted) if wanted else {}
    subjects = [locked[sound.history] if sound else None for sound in states]
    asked = [
        (subject, sound.sequence)
        for subject, sound in zip(subjects, states, strict=True)
        if subject and sound and sound.sequence <= subject.sequence
    ]
    if asked:
        await storage.load_states(connection, asked)
    return subjects


def _judge_new(
    desk: Desk, case: Case, subject: Subject | None, source_key: int, captured: dict[UUID, deciding.Captured]
) -> Verdict:
    if isinstance(case.arrival.read, Refused):
        return Verdict(deciding.UNREADABLE, (case.arrival.read.reason,))
    if not isinstance(case.found, Sound):
        if case.forbidden:
            return Verdict(deciding.FORBIDDEN, case.found)
        return Verdict(deciding.QUARANTINED, case.found)
    if subject is None or case.state is None:
        return deciding.judge_fact(case.found, captured, desk.pack)
    return deciding.judge_state(case.state.mac, case.found.sequence, source_key, subject, case.state.settled)


def _judge_again(case: Case, known: tuple[bytes, str]) -> Verdict:
    verdict = deciding.judge_again(case.mac, known[0])
    if verdict.outcome == deciding.QUARANTINED and not isinstance(case.found, Sound) and case.forbidden:
        return Verdict(deciding.FORBIDDEN, case.found)  # Whatever its id: it is not stored.
    return verdict


async def _store(
    connection: Connection, desk: Desk, work: Work, now: datetime, today: date
) -> list[announcing.Receipted]:
    keys = await storage.draw_arrival_keys(connection, len(work.cases))
    bodies = await seal_bodies(connection, desk, work)
    rows = [row_of(work, number, now) for number in range(len(work.cases))]
    await storage.store_arrivals(connection, keys, rows, now, today)
    told = announcing.Told(now, today, shown_states(work))
    await store_new_states(connection, work, told, keys, bodies)
    came = zip(work.cases, work.verdicts, rows, keys, strict=True)
    waiting = [Waiting(*each, bodies[number]) for number, each in enumerate(came) if each[2].outcome in WAITING]
    await parking.store(connection, desk, waiting, (now, today))
    resolved = await resolve_waiting(connection, work, [row.subject for row in rows])
    receipts = [
        announcing.receipt(case, verdict, told) for case, verdict in zip(work.cases, work.verdicts, strict=True)
    ]
    entries = [
        announcing.receipt_entry(receipt, case.arrival.trace)
        for receipt, case in zip(receipts, work.cases, strict=True)
    ]
    for number, (case, verdict) in enumerate(zip(work.cases, work.verdicts, strict=True)):
        entries += announcing.consequences(number, case, verdict, told)
    entries += announcing.resolved(resolved, now)
    await put(connection, entries, now)
    await screening.follow_pairs(connection, work.cases, work.verdicts)
    judged = list(zip(work.cases, work.verdicts, rows, strict=True))
    await accounts.add(connection, desk, judged, now, today)  # Last: the next batch waits for these rows.
    return receipts


def shown_states(work: Work) -> dict[int, bytes]:
    """Give what others may see of each new state that is stored, as JSON, by case number."""
    return {number: state.shown for number, (_, _, state) in work.states.items() if state.shown is not None}


async def seal_bodies(connection: Connection, desk: Desk, work: Work) -> dict[int, int]:
    """Seal the content of states, and the whole of what waits or cannot be read; gives body ids by case number."""
    plain = {number: Plain(subject.key, sound.sent.canonical) for number, (subject, sound, _) in work.states.items()}
    for number, (case, verdict) in enumerate(zip(work.cases, work.verdicts, strict=True)):
        if verdict.outcome in WAITING:
            plain[number] = Plain(None, _pack_message(case.arrival.message))
    ids = await store(connection, desk.keys, list(plain.values()))
    return dict(zip(plain, ids, strict=True))


def row_of(work: Work, number: int, now: datetime) -> storage.ArrivalRow:
    """Give the row of an arrival whose verdict was reached."""
    case, verdict = work.cases[number], work.verdicts[number]
    read, arrival, found = case.arrival.read, case.arrival, case.found
    subject = found.subject if isinstance(found, Sound) else deciding.subject_of(read, arrival.key)
    subject = None if case.forbidden else subject  # Sent again it is a duplicate, and no less forbidden.
    held = work.subjects[number]
    id_, type_ = (None, None) if isinstance(read, Refused) else (read.id, read.type)
    reasons = encode(verdict.reasons).decode() if verdict.reasons else None
    key = held.key if held and held.sequence else None
    at = counted_at(read.time if isinstance(read, Sent) else None, now)
    # By place, in the order of the fields: every arrival passes here, and keywords would take twice as long.
    # fmt: off
    return storage.ArrivalRow(
        arrival.receipt_id, case.event_uid, work.firsts[number], work.sources[case.source], arrival.channel,
        encode(arrival.place).decode(), id_, type_, subject, verdict.outcome, reasons, case.mac, key, at,
    )
    # fmt: on


async def store_new_states(
    connection: Connection, work: Work, told: announcing.Told, keys: list[int], bodies: dict[int, int]
) -> None:
    """Store the states that verdicts took, and move their subjects on."""
    states: list[tuple[Any, ...]] = []
    moved: dict[int, tuple[Subject, Sound, bytes | None]] = {}
    listed: dict[int, frozenset[Thing]] = {}
    for number, (subject, sound, state) in work.states.items():
        mac, version = subject.states[sound.sequence], work.verdicts[number].version
        states.append((subject.key, sound.sequence, version, mac, keys[number], bodies[number]))
        metadata = moved[subject.key][2] if subject.key in moved else None
        if number in told.states and sound.sequence > subject.shown:  # Whatever came first: a withdrawal shows nothing.
            metadata, subject.shown = told.states[number], sound.sequence
            if subject.things or state.things:
                listed[subject.key], subject.things = state.things, bool(state.things)
        moved[subject.key] = (subject, sound, metadata)
    if states:
        await storage.store_states(connection, states)
        await storage.store_subjects(connection, moved.values(), told.today)
    if listed:
        await things.relist(connection, listed)


async def resolve_waiting(connection: Connection, work: Work, about: Sequence[UUID | None]) -> list[quarantine.Settled]:
    """Settle what waits and is outdated by a higher sequence, whichever came first, or is corrected by name."""
    corrected: dict[UUID, int] = {}
    for case, verdict in zip(work.cases, work.verdicts, strict=True):
        if verdict.outcome != deciding.ACCEPTED or not isinstance(case.found, Sound):
            continue
        if case.found.sent.corrects:
            corrected[announcing.corrected_uid(case.found.sent)] = work.sources[case.source]
    subjects = list({subject for subject in about if subject is not None})
    settled = await quarantine.resolve_states(connection, subjects) if subjects else []
    if corrected:
        settled += await quarantine.resolve_corrected(connection, list(corrected), list(set(corrected.values())))
    return settled
