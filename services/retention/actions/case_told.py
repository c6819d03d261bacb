"""What dates a record besides its own facts and persons, as it stands: what is passed to it, its files, its parts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.retention.domain import Fact, Schedule, of_record
from services.retention.domain.casefiles import Case, Filed, Share, file_of, reopened
from services.retention.domain.derivation.files import PARTS_MAX
from services.retention.storage import facts as stored_facts
from services.retention.storage import links, parts, relations, schedules
from services.retention.storage.parts import Part
from services.retention.storage.schedules import Dated
from shared.db import Connection
from shared.policy import Pack


class Standing(NamedTuple):
    """Records' facts with those that others pass to them; of those in case files also the dates that follow."""

    facts: Mapping[int, list[Fact]]
    dated: Mapping[int, Schedule]
    filed: Mapping[int, Filed]
    """What they and their case files ask of each other."""


async def standing(connection: Connection, pack: Pack, records: Iterable[int]) -> Standing:
    """Read what dates records, from what settling wrote."""
    facts = await stored_facts.facts_of_records(connection, records)
    for key, more in (await relations.passed_to(connection, facts)).items():
        facts[key] = [*facts[key], *more]
    opened_on = _open_again(facts, await parts.last_dated(connection, facts), pack)
    places = {
        key: [part for part in its.values() if part.counts]
        for key, its in (await parts.parts_of(connection, facts)).items()
    }
    over = {part.file_key for its in places.values() for part in its}
    stored = await schedules.schedules_stored(connection, over | facts.keys())
    bars = {key: stored[key].side.bars_after for key in facts if key in stored}
    under = await parts.longest(connection, bars, PARTS_MAX + 1)
    gone = await links.executed_among(connection, over)
    filed = {key: _filed(places[key], stored, gone, pack, under.get(key, (0, {}))) for key in facts}
    filed |= {key: filed[key]._replace(opened_on=on) for key, on in opened_on.items()}
    return Standing(facts, {key: stored[key].schedule for key in bars if places[key] or filed[key].parts}, filed)


def _open_again(facts: dict[int, list[Fact]], last: Mapping[int, date], pack: Pack) -> dict[int, date]:
    """Leave out what closed files that a part has opened again; the dates of those parts."""
    opened_on = {}
    for key, on in last.items():
        found = of_record(facts[key], pack)
        if found and found.ties.reopens and len(left := reopened(facts[key], on, pack)) < len(facts[key]):
            facts[key], opened_on[key] = list(left), on
    return opened_on


def _filed(
    places: Sequence[Part],
    stored: Mapping[int, Dated],
    gone: Collection[int],
    pack: Pack,
    under: tuple[int, dict[UUID, Share]],
) -> Filed:
    seen = []
    for part in places:
        file = stored.get(part.file_key)
        schedule, side = (file.schedule, file.side) if file else (None, None)
        seen.append(file_of(part.file_uid, schedule, side, pack, gone=part.file_key in gone))
    on = next((part.on for part in places), None)
    return Filed(Case(on, tuple(seen)), *under)
