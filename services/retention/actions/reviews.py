"""Ask people to look: open reviews, join those already open, renew them when the facts moved, withdraw the needless."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.retention.actions.case_told import standing
from services.retention.actions.own_ends import OWN_END, ended
from services.retention.actions.people import linked
from services.retention.domain import Person, derivation
from services.retention.domain.children import tells_birthday
from services.retention.domain.lifecycle import IN_HAND
from services.retention.storage import links as stored_links
from services.retention.storage import orders, reviews, wanted
from services.retention.storage.reviews import Covered, NewReview, Subject
from services.retention.storage.roots import roots_of
from services.retention.storage.schedules import persons_stored
from services.retention.storage.wanted import Pending
from shared.db import Connection
from shared.events import REVIEWS, Member, ReviewKind, ReviewRequested, ReviewWithdrawn, encode
from shared.ids import review_id
from shared.log import Entry, put
from shared.policy import Pack
from shared.trails import traced

_BRINGS_IN = frozenset({"initial", "triggered", "scheduled"})  # A review between times puts nothing on a list.
_RANK: Mapping[str, int] = {"triggered": 0, "initial": 1, "scheduled": 2, "periodic": 3, "backstop": 4}


class Ask(NamedTuple):
    """Why a subject is to be reviewed."""

    kind: ReviewKind
    cause: str
    due_on: date | None = None
    """The day that asks, where it is not the end of the record that falls due first; of what is triggered, today."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the reviews of some subjects show, read after the subjects' locks."""

    uids: Mapping[Subject, UUID]
    bases: Mapping[Subject, str]
    members: Mapping[Subject, Covered]
    schedules: Mapping[int, Mapping[str, Any]]

    def shown(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Give the schedules of what a review shows: what it dates, the first due first, then the rest; none that went.

        What it dates is first: by that the review has its group, and so its chain of approvals.
        """
        its = self.members.get(subject, Covered())
        return [*self._kept(its.carried), *self._kept(its.beside)]

    def dated(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Give the schedules of what a decision dates."""
        return self._kept(self.members.get(subject, Covered()).carried)

    def _kept(self, keys: Iterable[int]) -> list[Mapping[str, Any]]:
        rows = [self.schedules[key] for key in keys if key in self.schedules and not self.schedules[key]["gone"]]
        return sorted(rows, key=lambda row: (row["open_on"] or date.max, row["record_key"]))

    def first_due(self, subject: Subject) -> tuple[date, Subject]:
        """Give what brings a subject before another: the oldest due first."""
        return self.shown(subject)[0]["open_on"] or date.max, subject


async def dossier(connection: Connection, subjects: Iterable[Subject]) -> Dossier:
    """Read what reviews of these subjects would show."""
    wanted = set(subjects)
    covered = await reviews.members(connection, wanted)
    return Dossier(
        uids=await reviews.uids(connection, wanted),
        bases=await reviews.bases(connection, wanted),
        members=covered,
        schedules=await reviews.schedules(connection, {key for its in covered.values() for key in its.records}),
    )


async def request(
    connection: Connection, pack: Pack, asks: Mapping[Subject, Ask], today: date, now: datetime
) -> list[Subject]:
    """Open a review of each subject, or join the one that is open; a subject that somebody else is busy with waits.

    Gives the subjects that have an open review now.
    """
    got = await reviews.lock_subjects(connection, asks)
    if not got:
        return []
    pending = await wanted.pending_of(connection, got)
    asks = {subject: _with(asks[subject], pending.get(subject)) for subject in got}
    already = await reviews.open_of(connection, got)
    file = await dossier(connection, got)
    await _join(connection, pack, {subject: asks[subject] for subject in already}, already, file, now)
    await wanted.met(connection, pending.values())
    fresh = sorted((each for each in got - already.keys() if file.shown(each)), key=file.first_due)
    counted = await reviews.counts(connection, fresh)
    new = [_new(subject, asks[subject], counted.get(subject, 0) + 1, file, today) for subject in fresh]
    await reviews.insert(connection, new, pack.hash, now)
    rows = [{**each._asdict(), "version": 1, "grp": each.group, "row_id": each.row} for each in new]
    await _tell(connection, pack, rows, file, now)
    opened = [subject for subject in (*fresh, *already) if asks[subject].kind in _BRINGS_IN]
    await _in_review(connection, opened, file, today)
    return [*fresh, *already]


def _with(ask: Ask, pending: Pending | None) -> Ask:
    """Put what is asked for already into the same review: it is joined, not doubled."""
    return Ask("triggered", pending.cause) if pending and ask.kind != "triggered" else ask


def _new(subject: Subject, ask: Ask, n: int, file: Dossier, today: date) -> NewReview:
    kind, key = subject
    first = file.shown(subject)[0]
    ends_on = ask.due_on or (first["actionable_from"] if ask.kind == "scheduled" else None)
    return NewReview(
        review_id=review_id(file.uids[subject], n),
        record_key=key if kind == "record" else None,
        nominal_key=key if kind == "nominal" else None,
        n=n,
        kind=ask.kind,
        cause=ask.cause,
        basis=file.bases[subject],
        group=first["grp"],
        row=first["row_id"],
        due_on=ends_on or today,
    )


async def _join(
    connection: Connection,
    pack: Pack,
    asks: Mapping[Subject, Ask],
    already: Mapping[Subject, dict[str, Any]],
    file: Dossier,
    now: datetime,
) -> None:
    """Renew open reviews for a stronger cause, or because what they show has changed."""
    covered = await reviews.members_of(connection, [row["review_id"] for row in already.values()])
    renewed = []
    for subject, row in already.items():
        ask = asks.get(subject, Ask(row["kind"], row["cause"]))
        stronger = _RANK[ask.kind] < _RANK[row["kind"]] or (ask.kind == "triggered" and ask.cause != row["cause"])
        shown = {each["record_key"] for each in file.shown(subject)}
        if stronger or row["basis"] != file.bases[subject] or shown != covered[row["review_id"]]:
            kind, cause = (ask.kind, ask.cause) if stronger else (row["kind"], row["cause"])
            changed = {"kind": kind, "cause": cause, "basis": file.bases[subject], "version": row["version"] + 1}
            renewed.append({**row, **changed})
    await reviews.join(connection, [(row["review_id"], row["kind"], row["cause"], row["basis"]) for row in renewed])
    await _tell(connection, pack, renewed, file, now)


async def _tell(
    connection: Connection, pack: Pack, rows: Sequence[Mapping[str, Any]], file: Dossier, now: datetime
) -> None:
    """Publish reviews with what they show, and write down which records they cover."""
    if not rows:
        return
    subjects = [reviews.subject_in(row) for row in rows]
    shown = {subject: file.shown(subject) for subject in subjects}
    covered = {row["review_id"]: [each["record_key"] for each in shown[reviews.subject_in(row)]] for row in rows}
    await reviews.set_members(connection, covered)
    births = await reviews.births(connection, subjects)
    people = await persons_stored(connection, [key for kind, key in subjects if kind == "nominal"])
    reasons = await derivations(connection, pack, {each[0]["record_key"] for each in shown.values() if each})
    entries, about = [], []
    for row, subject in zip(rows, subjects, strict=True):
        reason = reasons.get(shown[subject][0]["record_key"], {}) if shown[subject] else {}
        by_age = _by_age(row["due_on"], shown[subject], births.get(subject, ()), pack)
        told = {"by_age": by_age, "period_ends_on": _own_end(subject, people)}
        event = msgspec.structs.replace(_event(row, subject, file, pack, reason), **told)
        entries.append(Entry(REVIEWS, str(event.subject), event.type, event.subject, event.version, encode(event)))
        about.append((event.subject, *(member.record_id for member in event.records)))
    await put(connection, await traced(connection, entries, about), now)


def _own_end(subject: Subject, people: Mapping[int, Person]) -> date | None:
    person = people.get(subject[1]) if subject[0] == "nominal" else None
    return person.keep_until if person and not person.problem else None


def _by_age(due_on: date, shown: Sequence[Mapping[str, Any]], births: Sequence[date], pack: Pack) -> bool:
    ages = {each["actionable_from"] for each in shown if each["by_age"]}
    return due_on in ages or tells_birthday(due_on, births, pack)


def _event(
    row: Mapping[str, Any], subject: Subject, file: Dossier, pack: Pack, reason: dict[str, Any]
) -> ReviewRequested:
    members = tuple(
        Member(each["record_uid"], each["class_id"], each["keep_until"], each["held"]) for each in file.shown(subject)
    )
    return ReviewRequested(
        review_id=row["review_id"],
        subject=file.uids[subject],
        subject_kind="record" if subject[0] == "record" else "nominal",
        kind=row["kind"],
        cause=row["cause"],
        group=row["grp"],
        row=row["row_id"],
        pack=pack.hash,
        due_on=row["due_on"],
        records=members,
        derivation=reason,
        basis=row["basis"],
        version=row["version"],
    )


async def derivations(connection: Connection, pack: Pack, record_keys: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Say of each record how its date follows from the facts known now."""
    facts, dated, filed = await standing(connection, pack, record_keys)
    links = await stored_links.links_of(connection, facts)
    people = await linked(connection, [link for each in links.values() for link in each], pack)
    return {
        key: derivation(facts[key], people.get(key, ()), pack, dated=dated.get(key), filed=filed[key]) for key in facts
    }


async def _in_review(connection: Connection, subjects: Iterable[Subject], file: Dossier, today: date) -> None:
    """Show as in review what a review covers and is due; a review between times puts nothing on that list."""
    keys = {
        each["record_key"]
        for subject in subjects
        for each in file.shown(subject)
        if each["lifecycle"] == "due" and each["open_on"] and each["open_on"] <= today
    }
    # What is being written is shown by the next look at the review: a tick waits for nobody.
    await orders.move(connection, keys, "in_review", "period_ended", wait=False)


async def check(connection: Connection, today: date, now: datetime, pack: Pack, limit: int) -> None:
    """Look again at open reviews: renew those whose facts moved, withdraw scheduled ones with nothing due."""
    rows = {reviews.subject_in(row): row for row in await reviews.to_check(connection, now, limit)}
    if not rows:
        return
    got = await reviews.lock_subjects(connection, rows)
    pending = await wanted.pending_of(connection, got)
    file = await dossier(connection, got)
    got -= await _to_root(connection, {each: rows[each] for each in got}, file, now)
    at_end = {key for kind, key in got if kind == "nominal" and rows[kind, key]["cause"] == OWN_END}
    at_end &= (await ended(connection, pack, at_end, today)).keys()
    needless = {each for each in got - pending.keys() if _needless(rows[each], each, file, today, at_end)}
    await withdraw(connection, [rows[subject] for subject in sorted(needless)], file.uids, "no_longer_due", now)
    asks = {subject: Ask("triggered", each.cause) for subject, each in pending.items()}
    await _join(connection, pack, asks, {subject: rows[subject] for subject in got - needless}, file, now)
    await wanted.met(connection, pending.values())
    due = [each for each in got - needless if rows[each]["kind"] in _BRINGS_IN]
    await _in_review(connection, due, file, today)


async def _to_root(
    connection: Connection, rows: Mapping[Subject, Mapping[str, Any]], file: Dossier, now: datetime
) -> set[Subject]:
    """Withdraw the reviews of those who are one person with another since: that person's covers them."""
    roots = await roots_of(connection, [key for kind, key in rows if kind == "nominal"])
    moved = {("nominal", key): root for key, root in roots.items() if key != root}
    await withdraw(connection, [rows[each] for each in sorted(moved)], file.uids, "merged", now)
    await wanted.want_persons(connection, moved.values(), "merged", now)
    return set(moved)


def _needless(row: Mapping[str, Any], subject: Subject, file: Dossier, today: date, at_end: set[int]) -> bool:
    if row["kind"] != "scheduled" or row["nominal_key"] in at_end:
        return not file.shown(subject)
    return not any(
        each["lifecycle"] in IN_HAND and each["state"] == "current" and each["open_on"] and each["open_on"] <= today
        for each in file.dated(subject)
    )


async def withdraw(
    connection: Connection, rows: Sequence[Mapping[str, Any]], uids: Mapping[Subject, UUID], cause: str, now: datetime
) -> None:
    """Say of open reviews that nobody need look any more."""
    ended = set(await reviews.end(connection, [row["review_id"] for row in rows], "withdrawn"))
    entries = []
    for row in rows:
        if row["review_id"] in ended:
            uid = uids[reviews.subject_in(row)]
            event = ReviewWithdrawn(row["review_id"], uid, cause, row["version"] + 1)
            entries.append(Entry(REVIEWS, str(uid), event.type, uid, event.version, encode(event)))
    await put(connection, await traced(connection, entries, [(each.subject,) for each in entries]), now)
