"""The trace of a transaction goes out with all that it changed, but for what belongs to another."""

from uuid import uuid4

import msgspec

from services.intake.actions.take_in import take_in
from shared.db import driver
from shared.log import Entry, put
from shared.relay import Row, headers_of
from shared.tracing import Trace, within
from tests.make_arrivals import DESK, NOW, TODAY, Topic, captured

OURS = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", False)
THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_QUEUED = """
SELECT q.shard, q.queue_id, l.log_id, l.at, l.topic, l.key, l.type, l.subject, l.payload, l.headers, q.trace
FROM unpublished q, unnest(q.log_ids) u (log_id) JOIN log l USING (log_id) ORDER BY l.log_id"""


async def headers(connection):
    """Give the trace that each queued message goes out with."""
    raw = await driver(connection)
    rows = [Row(*row) for row in await raw.fetch(_QUEUED)]
    return [dict(headers_of("intake", row)).get("traceparent", b"").decode() for row in rows]


def entry(key, trace=None):
    return Entry("records.receipts.v1", key, "tenure.receipt.issued.v1", uuid4(), 1, b"{}", trace)


async def test_one_row_of_the_queue_tells_it_for_all(intake_connection):
    with within(OURS):
        await put(intake_connection, [entry("a"), entry("b"), entry("c", THEIRS)], NOW)
    assert await headers(intake_connection) == [OURS.header(), OURS.header(), THEIRS]


async def test_what_belongs_to_its_transactions_trace_stores_nothing_of_its_own(intake_connection):
    with within(OURS):
        await put(intake_connection, [entry("a", Trace(OURS.trace_id, "b7ad6b7169203331", True).header())], NOW)
    raw = await driver(intake_connection)
    assert await raw.fetchval("SELECT headers FROM log") is None
    assert await headers(intake_connection) == [OURS.header()]


async def test_without_a_trace_no_header_goes_out(intake_connection):
    await put(intake_connection, [entry("a")], NOW)
    assert await headers(intake_connection) == [""]


async def test_an_events_own_trace_is_on_its_receipt_and_its_registered_event(intake_connection):
    topic = Topic()
    plain, traced = topic.of(captured()), msgspec.structs.replace(topic.of(captured("r2")), trace=THEIRS)
    with within(OURS):
        await take_in(intake_connection, DESK, [plain, traced], NOW, TODAY)
    assert sorted(await headers(intake_connection)) == sorted([OURS.header(), THEIRS] * 2)
