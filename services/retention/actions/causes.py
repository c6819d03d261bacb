"""Put before people what facts call for at once: each cause once, whatever the order in which the facts came."""

from collections.abc import Mapping, Sequence

from services.retention.domain import Fact
from services.retention.domain.causes import (
    Cause,
    is_staff,
    of_allegations,
    of_links,
    of_person_causes,
    of_record_causes,
)
from services.retention.storage import causes
from services.retention.storage import links as stored_links
from services.retention.storage.causes import NOBODY, Noted
from services.retention.storage.links import Link, ToPerson
from shared.db import Connection
from shared.ids import nominal_ref
from shared.policy import Pack


async def of_records(
    connection: Connection, pack: Pack, facts: Mapping[int, Sequence[Fact]], links: Mapping[int, Sequence[Link]]
) -> None:
    """Ask for reviews of what triggers of these records call for; under the records' locks."""
    noted = []
    for key, its in facts.items():
        for code, token, nominal in of_record_causes(its, pack):
            whom = [link.nominal_key for link in links[key] if nominal and link.nominal_ref == nominal_ref(*nominal)]
            noted.append(Noted(key, NOBODY, code, token, whom[0] if whom else None))
    await causes.note(connection, noted, ask=pack.live)


async def of_persons(
    connection: Connection, pack: Pack, facts: Mapping[int, Sequence[Fact]], given: Mapping[int, Sequence[ToPerson]]
) -> None:
    """Ask for reviews of what these persons' facts and new links call for; under the persons' locks.

    One who carries nothing is not reviewed, but for an allegation: what else their facts call for is put once they do.
    """
    staff = [key for key, its in facts.items() if is_staff(its)]
    accused = await stored_links.accused_on(connection, staff)
    noted = []
    for key, its in facts.items():
        found = [*of_allegations(accused.get(key, ()), its), *_of_carried(given[key], its, pack)]
        noted += [Noted(NOBODY, key, code, token) for code, token, _ in found]
    await causes.note(connection, noted, ask=pack.live)


def _of_carried(given: Sequence[ToPerson], facts: Sequence[Fact], pack: Pack) -> list[Cause]:
    first_on = min((each.first_on for each in given if each.first_on), default=None)
    if first_on is None:
        return []
    link = of_links(first_on, max((each.last_on for each in given if each.last_on), default=None), facts)
    return [*of_person_causes(facts, pack), *([link] if link else [])]
