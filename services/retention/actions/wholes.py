"""What must go together: a case file and the parts that wait for it go in one transaction, or none of them does."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.retention.domain.lifecycle import Refusal
from services.retention.domain.walks import components
from services.retention.storage import orders, parts
from services.retention.storage.orders import Claimed, Found
from shared.db import Connection

MEMBERS_MAX = 2_000  # A hold waits for the whole transaction, two seconds at most: 5,000 took 3.7 on two busy cores.


@dataclass(frozen=True, slots=True)
class Whole:
    """The case files among the claimed orders: which records must go together, and those without a claimed order."""

    together: Sequence[frozenset[int]] = ()
    without_order: frozenset[int] = frozenset()


async def claim(connection: Connection, claimed: Sequence[Claimed], today: date) -> tuple[list[Claimed], Whole]:
    """Claim the orders of all that must go with what is claimed already, however many they are."""
    records = {order.record_key for order in claimed if order.record_key is not None}
    together = components(await parts.bound_with(connection, sorted(records)))
    if not together:
        return list(claimed), Whole()
    members = {key for each in together if len(each) <= MEMBERS_MAX for key in each}
    more = await orders.claim_members(connection, members - records, today)
    had = records | {order.record_key for order in more if order.record_key is not None}
    return [*claimed, *more], Whole(together, frozenset(members - had))


async def judge(
    connection: Connection,
    whole: Whole,
    found: Sequence[Found],
    judged: Mapping[UUID, Refusal | None],
    held: Collection[int],
) -> dict[UUID, Refusal]:
    """Refuse whoever could go while another member may not, and name that one."""
    if not whole.together:
        return {}
    by_key = {each.case.record_key: each for each in found}
    uids = await parts.uids(connection, sorted({key for each in whole.together for key in each}))
    refused: dict[UUID, Refusal] = {}
    for members in whole.together:
        why = _blocked(members, by_key, judged, held, uids)
        free = [each for key in members if (each := by_key.get(key)) and judged[each.disposal_id] is None]
        if why:
            refused |= {each.disposal_id: why for each in free}
    return refused


def _blocked(
    members: Collection[int],
    by_key: Mapping[int, Found],
    judged: Mapping[UUID, Refusal | None],
    held: Collection[int],
    uids: Mapping[int, UUID],
) -> Refusal | None:
    """Say which member keeps the others: one that is held before any other."""
    if len(members) > MEMBERS_MAX:
        return Refusal("case_file_too_large", again=True)
    stopped = {key for key in members if key not in by_key or judged[by_key[key].disposal_id] is not None}
    if not stopped:
        return None
    first = min(stopped, key=lambda key: (key not in held, uids[key]))
    return Refusal("case_member_held" if first in held else "case_member", again=True, member=uids[first])
