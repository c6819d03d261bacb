"""The persons' part: who is in which group, since when their clock runs, and how long that asks to keep the record."""

from collections.abc import Iterator
from datetime import date

from services.retention.domain.derivation.inputs import Linked, Step, Work
from services.retention.domain.derivation.sources import contacts_on
from services.retention.domain.history import History
from services.retention.domain.persons import Person, known_of
from services.retention.domain.records import notice_facts
from shared.ids import nominal_ref
from shared.policy import Pack


def persons(work: Work) -> Iterator[Step]:
    """Tell of each offending person, where persons date the record."""
    if work.schedule.group:
        for linked, person in work.persons:
            yield from _person(linked, person, work.history, work.pack)


def _person(linked: Linked, person: Person, history: History, pack: Pack) -> Iterator[Step]:
    if person.group is None:
        return
    ref, known, rule = str(linked.nominal_ref), known_of(linked.facts, pack), pack.groups[person.group]
    by = "flag" if known.flagged == person.group and linked.group != person.group else "record"
    yield {"code": "person", "nominal": ref, "group": person.group, "by": by}
    if rule.until_age is not None:
        yield {"code": "age", "nominal": ref, "group": person.group, "years": rule.until_age}
    elif person.clock_on and rule.clear:
        uids = _clock_facts(linked, person.clock_on, history, pack)
        yield {"code": "clock", "nominal": ref, "on": person.clock_on.isoformat(), "facts": uids}
        yield {"code": "period", "nominal": ref, "group": person.group, **rule.clear.parts()}
    if known.decided.retained_on:
        yield {"code": "retained", "nominal": ref, "on": known.decided.retained_on.isoformat()}
    if person.keep_until:
        yield {"code": "person_until", "nominal": ref, "on": person.keep_until.isoformat()}


def _clock_facts(linked: Linked, clock_on: date, history: History, pack: Pack) -> list[str]:
    """Name the facts of this record and this person that fall on the clock's day; none: another record's."""
    named = [
        uid
        for link in history.shown.placed.offenders
        if nominal_ref(link.nominal_source, link.nominal_id) in (linked.nominal_ref, *linked.members)
        for uid in notice_facts(history, (link.nominal_source, link.nominal_id), clock_on, pack)
    ]
    return sorted(map(str, {*contacts_on(linked.facts, clock_on, pack), *named}))
