"""What stands between a record and its disposal today: each thing with who owns it. Pure; the words are elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from services.retention.domain.lifecycle import GONE
from services.retention.domain.records import Side
from shared.calendar_rules import day_after
from shared.policy import Pack

REVIEWER = "reviewing_officer"


class Blocker(NamedTuple):
    """One thing that keeps a record, whose it is to mend, and what names it: ids, codes and days."""

    code: str
    owner: str | None
    about: Mapping[str, Any]


class Standing(NamedTuple):
    """All that is known of a record's way to its end."""

    row: Mapping[str, Any]
    side: Side
    persons: Sequence[Mapping[str, Any]] = ()
    decided: Sequence[Mapping[str, Any]] = ()
    """Decisions to dispose that stand: of the record, or of persons on it."""
    unlinks: Sequence[Mapping[str, Any]] = ()
    holds: Sequence[Mapping[str, Any]] = ()
    held_with: Sequence[Mapping[str, Any]] = ()
    """Holds that cover no more than another member of its case file."""
    reviews: Sequence[Mapping[str, Any]] = ()
    asked_for: Sequence[str] = ()
    orders: Sequence[Mapping[str, Any]] = ()
    parked: int = 0
    unconfirmed: Sequence[str] = ()
    irrecoverable_from: Any = None


class Everywhere(NamedTuple):
    """What keeps every disposal waiting."""

    observes: bool
    pauses: Sequence[str] = ()
    old_news: bool = False


def of_all(every: Everywhere) -> Iterator[Blocker]:
    """List what keeps every disposal waiting."""
    if every.observes:
        yield Blocker("observe", "records_manager", {})
    for cause in every.pauses:
        yield Blocker("pause", "head_of_information_management", {"cause": cause})
    if every.old_news:
        yield Blocker("old_news", None, {})


def of_record(standing: Standing, every: Everywhere, pack: Pack, today: date) -> list[Blocker]:
    """List what keeps one record, from its date to the last copy of it."""
    if standing.row["lifecycle"] in GONE:
        return list(_leaving(standing))
    found = [*_date(standing, today), *_people(standing), *_facts(standing)]
    return [*found, *_policy(standing, pack), *of_all(every)]


def _leaving(standing: Standing) -> Iterator[Blocker]:
    for holder in standing.unconfirmed:
        yield Blocker("confirmation", holder, {"holder": holder})
    if standing.irrecoverable_from and standing.row["lifecycle"] != "disposed":
        yield Blocker("irrecoverable", None, {"on": standing.irrecoverable_from.date()})


def _date(standing: Standing, today: date) -> Iterator[Blocker]:
    row, side = standing.row, standing.side
    if row["state"] == "exception":
        yield Blocker("problem", row["owner"], {"problem": row["problem"], "owner": row["owner"]})
    if row["state"] == "permanent":
        yield Blocker("permanent", None, {"row": row["row_id"]})
    if side.waits:
        yield Blocker("waits", None, {"row": row["row_id"]})
    if side.pending:
        yield Blocker("pending", "officer_in_the_case", {"name": side.pending})
    yield from _ahead(standing, today)


def _ahead(standing: Standing, today: date) -> Iterator[Blocker]:
    """Tell whose day lies ahead: a person's, a floor's, else that of the record's own row."""
    found = []
    for person in standing.persons:
        if _after(person["keep_until"], today):
            until = person["keep_until"].year if person["by_age"] else person["keep_until"]
            about = {"nominal": person["nominal_ref"], "until": until}
            goes = person["root"] in _who_go(standing)
            found.append(Blocker("person_decided", None, about) if goes else Blocker("person", REVIEWER, about))
    if _after(standing.side.floor_until, today):
        found.append(Blocker("floor", None, {"until": standing.side.floor_until}))
    until = standing.row["keep_until"]
    if not found and _after(until, today):
        found.append(Blocker("not_due", None, {"until": until.year if standing.row["by_age"] else until}))
    yield from found
    yield from _decided(standing)


def _who_go(standing: Standing) -> set[int]:
    """Give whose disposal is decided."""
    return {each["nominal_key"] for each in standing.decided if each["nominal_key"] is not None}


def _decided(standing: Standing) -> Iterator[Blocker]:
    """Tell of the decisions that open its order as it falls due: its own, or that of everybody who is asked about."""
    row, asked = standing.row, {each["root"] for each in standing.persons if each["grp"]}
    if row["lifecycle"] != "current" or row["open_on"] is None or not asked <= _who_go(standing):
        return
    opens = row["open_on"].year if row["by_age"] else row["open_on"]
    for each in standing.decided:
        about = {"review": each["review_id"], "decided": each["decided_on"], "on": opens}
        yield Blocker("decided", None, about)


def _after(until: date | None, today: date) -> bool:
    return until is not None and day_after(until) > today


def _people(standing: Standing) -> Iterator[Blocker]:
    for hold in standing.holds:
        yield Blocker("hold", hold["owner"], {"hold": hold["hold_id"], "owner": hold["owner"]})
    for hold in standing.held_with:
        about = {"hold": hold["hold_id"], "member": hold["member"], "owner": hold["owner"]}
        yield Blocker("member_held", hold["owner"], about)
    for review in standing.reviews:
        about = {"review": review["review_id"], "cause": review["cause"], "on": review["due_on"]}
        yield Blocker("review", REVIEWER, about)
    for cause in standing.asked_for:
        yield Blocker("asked_for", "records_manager", {"cause": cause})
    for order in standing.orders:
        code = "order_waits" if order["waits_for"] else "order"
        about = {"disposal": order["disposal_id"], "on": order["execute_from"], "cause": order["waits_for"]}
        yield Blocker(code, "records_manager", about)
    for order in standing.unlinks:
        about = {"disposal": order["disposal_id"], "nominal": order["nominal_ref"], "on": order["execute_from"]}
        about |= {"review": order["review_id"], "decided": order["decided_on"]}
        yield Blocker("unlink", "records_manager", about)


def _facts(standing: Standing) -> Iterator[Blocker]:
    if standing.row["unsettled"]:
        yield Blocker("unsettled", None, {})
    if standing.parked:
        yield Blocker("parked", "data_steward", {"count": standing.parked})


def _policy(standing: Standing, pack: Pack) -> Iterator[Blocker]:
    row = pack.rows.get(standing.row["row_id"] or "")
    if row is not None and row.end == "dispose" and not row.confirmed:
        yield Blocker("unconfirmed_row", "information_asset_owner", {"row": row.id})
