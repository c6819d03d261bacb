"""What dates a record besides its own facts and persons, as it stands: what is passed to it, its files, its parts."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.retention.domain import Fact, Schedule, of_record
from services.retention.domain.casefiles import reopened
from services.retention.storage import facts as stored_facts
from services.retention.storage import parts, relations, schedules
from services.retention.storage.schedules import Dated
from shared.db import Connection
from shared.policy import Pack


class Standing(NamedTuple):
    """Records' facts with those that others pass to them; of those in case files also the dates that follow."""

    facts: Mapping[int, list[Fact]]
    dated: Mapping[int, Schedule]
    files: Mapping[int, dict[UUID, date | None]]
    """Until when each file of a part is kept."""


async def standing(connection: Connection, pack: Pack, records: Iterable[int]) -> Standing:
    """Read what dates records, from what settling wrote."""
    facts = await stored_facts.facts_of_records(connection, records)
    for key, more in (await relations.passed_to(connection, facts)).items():
        facts[key] = [*facts[key], *more]
    for key, last in (await parts.last_dated(connection, facts)).items():
        found = of_record(facts[key], pack)
        if found and found.ties.reopens:
            facts[key] = list(reopened(facts[key], last, pack))
    places = {
        key: [part for part in its.values() if part.counts]
        for key, its in (await parts.parts_of(connection, facts)).items()
    }
    over = {part.file_key for its in places.values() for part in its}
    stored = await schedules.schedules_stored(connection, over | facts.keys())
    asked = await parts.asked_of(connection, dict.fromkeys(facts))
    return Standing(
        facts,
        {key: stored[key].schedule for key in facts if key in stored and (places[key] or key in asked)},
        {key: {part.file_uid: _until(stored.get(part.file_key)) for part in its} for key, its in places.items()},
    )


def _until(file: Dated | None) -> date | None:
    return file.schedule.keep_until if file else None
