"""What a collector is told of pieces of work, over real OTLP/HTTP to a receiver in this process."""

import pytest

from shared.spans import Told
from shared.tracing import Carried, Trace, current, outgoing
from tests import otlp

ONE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", True)
TWO = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
UNSEEN = Trace("1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331", False)


@pytest.fixture
def told(monkeypatch):
    """Give a function that does work and then gives the spans that arrived, by name."""
    with otlp.collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        spans = Told("intake", "intake-worker-0")

        def heard() -> list[otlp.Told]:
            spans.provider.force_flush()
            return collector.spans

        yield spans, heard
        spans.provider.shutdown()


def test_a_batch_of_one_trace_is_a_child_of_it(told):
    spans, heard = told
    with spans.over("settle a.topic", Carried((ONE,), alone=True), **{"messaging.batch.message_count": 3}):
        under = current()
    [span] = heard()
    assert (span.service, span.name, span.words) == (
        "tenure-intake",
        "settle a.topic",
        {"messaging.batch.message_count": 3},
    )
    assert (span.trace_id, span.parent_id) == (ONE.trace_id, ONE.span_id)
    assert under.trace_id == ONE.trace_id
    assert under.span_id != ONE.span_id, "what is published under it is its child"


def test_a_mixed_batch_is_one_span_linked_with_one_in_each_trace(told):
    spans, heard = told
    with spans.over("settle", Carried((ONE, TWO, UNSEEN))):
        under = current()
    by_trace = {span.trace_id: span for span in heard()}
    assert by_trace.keys() == {under.trace_id, ONE.trace_id, TWO.trace_id}, "nobody wants to see the third"
    assert set(by_trace[under.trace_id].links) == {each.trace_id for each in (ONE, TWO, UNSEEN)}
    assert by_trace[ONE.trace_id].links == (under.trace_id,)
    assert by_trace[TWO.trace_id].parent_id == TWO.span_id


def test_a_job_of_the_clock_is_told_of_if_it_wrote_something(told):
    spans, heard = told
    with spans.over("seal", Carried()):
        pass
    with spans.over("execute", Carried()):
        outgoing()
    assert [span.name for span in heard()] == ["execute"]


def test_a_failure_is_told_by_its_kind_never_in_its_own_words(told):
    spans, heard = told
    with pytest.raises(KeyError), spans.over("settle", Carried(), "a place"):
        raise KeyError("canary-7f3a")
    [span] = heard()
    assert "canary-7f3a" not in repr(span)


def test_a_collector_that_is_away_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    spans = Told("intake", "intake-worker-0")
    with spans.over("settle", Carried((ONE,), alone=True)) as work:
        assert work.trace.trace_id == ONE.trace_id
    spans.provider.shutdown()
