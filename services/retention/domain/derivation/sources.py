"""Whence a person's group and clock: which facts of which of their records, or which of their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from services.retention.domain.derivation.inputs import Linked, Source, Step, Work
from services.retention.domain.facts import Fact, alive, happened_on, happening, nominal_state, of_kind
from services.retention.domain.grades import read_grades
from services.retention.domain.history import History, read_history
from services.retention.domain.persons import Person, known_of
from services.retention.domain.records import Given, as_for, grouping_facts, notice_facts
from shared.ids import nominal_ref
from shared.policy import Pack

SOURCES_MAX = 3


def sources_of(
    linked: Linked, given: Iterable[tuple[UUID, Given]], records: Mapping[UUID, Sequence[Fact]], pack: Pack
) -> tuple[Source, ...]:
    """Find the records that put a person in their group first, or by which they last came to notice."""
    binding = [
        (key, gift)
        for key, gift in given
        if (linked.group and _groups(gift, linked)) or (gift.notice_on and gift.notice_on == linked.notice_on)
    ]
    refs = {linked.nominal_ref, *linked.members}
    found = []
    for key in sorted({key for key, _ in binding})[:SOURCES_MAX]:
        history = read_history(its := records.get(key, ()), as_for(its, pack))
        if history is not None:
            found.append(_source(key, history, refs, linked, pack))
    return tuple(found)


def _groups(gift: Given, linked: Linked) -> bool:
    each = [(grade.group, grade.since_on) for grade in read_grades(gift.grades)] or [(gift.group, gift.grouped_on)]
    return (linked.group, linked.grouped_on) in each


def _source(key: UUID, history: History, refs: set[UUID], linked: Linked, pack: Pack) -> Source:
    links = [link for state in history.states for link in state.body.links or ()]
    names = {(link.nominal_source, link.nominal_id) for link in links}
    mine = [name for name in sorted(names) if nominal_ref(*name) in refs]
    grouped = {uid for name in mine for uid in grouping_facts(history, name, linked.group, linked.grouped_on)}
    on = linked.notice_on
    noticed = {uid for name in mine for uid in notice_facts(history, name, on, pack)} if on else set[UUID]()
    return Source(key, tuple(sorted(grouped)), tuple(sorted(noticed)))


def sources(work: Work) -> Iterator[Step]:
    """Tell of each person which fact of which record gave their group and their clock's day."""
    if work.schedule.group:
        for linked, person in work.persons:
            if person.group:
                yield from _grouped(linked, person, work.pack)
                yield from _noticed(linked, person, work.pack)


def _grouped(linked: Linked, person: Person, pack: Pack) -> Iterator[Step]:
    about = {"nominal": str(linked.nominal_ref), "group": person.group}
    for source in linked.sources if linked.group == person.group else ():
        if source.grouped and linked.grouped_on:
            on = linked.grouped_on.isoformat()
            yield {
                "code": "grouped_by",
                **about,
                "record": str(source.record_id),
                "on": on,
                "facts": _ids(source.grouped),
            }
    known = known_of(linked.facts, pack)
    if known.flagged == person.group and known.flagged_on:
        uids = [
            fact.event_uid
            for fact in of_kind(alive(linked.facts), "nominal_state")
            if any(pack.flag_group(flag) == known.flagged for flag in nominal_state(fact).flags or ())
        ]
        yield {"code": "flagged_by", **about, "on": known.flagged_on.isoformat(), "facts": _ids(uids)}


def _noticed(linked: Linked, person: Person, pack: Pack) -> Iterator[Step]:
    if person.by_age or person.clock_on is None:
        return
    about = {"nominal": str(linked.nominal_ref), "on": person.clock_on.isoformat()}
    for source in linked.sources if linked.notice_on == person.clock_on else ():
        if source.noticed:
            yield {"code": "noticed_by", **about, "record": str(source.record_id), "facts": _ids(source.noticed)}
    if uids := contacts_on(linked.facts, person.clock_on, pack):
        yield {"code": "contact_on", **about, "facts": _ids(uids)}


def contacts_on(facts: Sequence[Fact], on: date, pack: Pack) -> list[UUID]:
    """Name a person's contacts of a day that move their clock."""
    return [
        fact.event_uid
        for fact in of_kind(alive(facts), "contact")
        if happened_on(fact, pack) == on and (kind := pack.contacts.get(happening(fact).kind or "")) and kind.resets
    ]


def _ids(uids: Iterable[UUID]) -> list[str]:
    return sorted(map(str, uids))
