"""A person who went from a shared record: no state up to then names them any more; a later one is a new fact."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from services.retention.domain.facts import Fact, RecordState, of_kind
from services.retention.domain.lifecycle import Offender
from shared.ids import named, nominal_ref


class _Gone(msgspec.Struct, frozen=True):
    nominals: tuple[UUID, ...] = ()
    up_to: int = 0


class _Fact(msgspec.Struct, frozen=True):
    data: _Gone = _Gone()


_read = msgspec.json.Decoder(_Fact).decode


def unlinked_uid(order: UUID) -> UUID:
    """Name the fact that an order to unlink ends in."""
    return named(f"unlinked\n{order}")


def unlinked_fact(event_uid: UUID, subject: int | str, on: date, nominals: Sequence[UUID], up_to: int) -> Fact:
    """Make the fact by which a person's link to a record ended: of all their nominals, up to a sequence."""
    data = {"on": on, "nominals": sorted(nominals), "up_to": up_to}
    return Fact(event_uid, "unlinked", subject, msgspec.json.encode({"data": data}), on_date=on)


def unlinked_of(facts: Sequence[Fact]) -> dict[UUID, int]:
    """Find up to which sequence each nominal is named no more."""
    gone: dict[UUID, int] = {}
    for fact in of_kind(facts, "unlinked"):
        data = _read(fact.canonical).data
        gone |= {each: max(gone.get(each, 0), data.up_to) for each in data.nominals}
    return gone


def without(body: RecordState, sequence: int, gone: Mapping[UUID, int]) -> RecordState:
    """Read a state as if it had never named who went after it."""
    kept = tuple(
        link for link in body.links or () if sequence > gone.get(nominal_ref(link.nominal_source, link.nominal_id), -1)
    )
    return msgspec.structs.replace(body, links=kept)


def stays_without(row: Mapping[str, Any], root: int, offenders: Sequence[Offender], today: date) -> bool:
    """Say whether a record stays for another offending person, not due itself, when this one's reason has ended."""
    persons = {each.nominal_key for each in offenders if each.group}
    stands = row["state"] == "current" and row["lifecycle"] == "current" and not row["gone"]
    not_due = row["open_on"] is None or row["open_on"] > today
    return bool(stands and not_due and root in persons and len(persons) > 1)
