"""Orders as people ask for them: of records, of quarantined arrivals, and to unlink persons from shared records."""

from typing import Any, NamedTuple
from uuid import UUID

from shared.db import Connection, driver

_SHOWN = """
SELECT o.disposal_id, coalesce(r.record_uid, o.receipt_id) AS record_id,
    CASE WHEN o.record_key IS NULL THEN 'arrival' ELSE 'record' END AS what,
    o.review_id, o.row_id AS row, coalesce(d.state, o.state) AS state, o.reason,
    o.waits_for, o.waits_on, o.opened_on, o.execute_from, o.version + coalesce(d.version, 0) AS version,
    d.irrecoverable_from,
    x.executed_at, x.executed_on
FROM disposal_order o LEFT JOIN record r USING (record_key) LEFT JOIN disposal_state d USING (disposal_id)
    LEFT JOIN disposal x USING (disposal_id)"""
# An order to unlink a person goes through the same gate, and ends in a certificate like any other.
_LINKS = """
SELECT u.disposal_id, r.record_uid AS record_id, 'link' AS what, u.review_id,
    coalesce(u.proof ->> 'row_ordered', s.row_id, 'none') AS row, u.state, u.reason, NULL AS waits_for,
    NULL::uuid AS waits_on, u.opened_on, u.execute_from,
    CASE u.state WHEN 'cooling' THEN 1 WHEN 'unlinked' THEN 3 ELSE 2 END AS version,
    NULL::timestamptz AS irrecoverable_from, u.executed_at, u.executed_on
FROM unlink_order u JOIN record r USING (record_key) LEFT JOIN schedule s USING (record_key)"""
_PAGE = """
{shown} WHERE ($1::uuid IS NULL OR {record} = $1) AND ($2::text IS NULL OR {state} = $2)
    AND ($3::uuid IS NULL OR {order} > $3) ORDER BY {order} LIMIT $4"""
_ORDERS_PAGE = _PAGE.format(
    shown=_SHOWN,
    record="coalesce(r.record_uid, o.receipt_id)",
    state="coalesce(d.state, o.state)",
    order="o.disposal_id",
)
_LINKS_PAGE = _PAGE.format(shown=_LINKS, record="r.record_uid", state="u.state", order="u.disposal_id")


class WantedOrders(NamedTuple):
    """Which orders a list is of: about which record, in which state, whether to unlink; None: whichever."""

    record: UUID | None = None
    state: str | None = None
    links: bool | None = None


async def read_disposal(connection: Connection, disposal_id: UUID) -> dict[str, Any] | None:
    """Read one order with how far it has come."""
    raw = await driver(connection)
    row = await raw.fetchrow(f"{_SHOWN} WHERE o.disposal_id = $1", disposal_id)
    row = row or await raw.fetchrow(f"{_LINKS} WHERE u.disposal_id = $1", disposal_id)
    return dict(row) if row else None


async def read_disposals(
    connection: Connection, wanted: WantedOrders, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Read a page of orders, in the order of their ids."""
    raw = await driver(connection)
    pages = [page for links, page in ((False, _ORDERS_PAGE), (True, _LINKS_PAGE)) if wanted.links in (None, links)]
    rows = [row for page in pages for row in await raw.fetch(page, wanted.record, wanted.state, after, limit)]
    return sorted((dict(row) for row in rows), key=lambda row: row["disposal_id"])[:limit]
