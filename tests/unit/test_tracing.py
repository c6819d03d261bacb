"""W3C trace context: read strictly, carried with a batch, made where there is none."""

from types import SimpleNamespace

import pytest

from shared import tracing
from shared.tracing import Carried, Trace, Untold, by_subject, carried, current, made, outgoing, read, wanted

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACE = Trace(ID, SPAN, True)
TEXT = f"00-{ID}-{SPAN}-01"


def record(trace=None, name="traceparent", subject="s"):
    headers = [("ce_subject", subject.encode())]
    return SimpleNamespace(headers=[*headers, (name, trace.encode())] if trace else headers)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT, TRACE),
        (f"00-{ID}-{SPAN}-00", Trace(ID, SPAN, False)),
        (f"cc-{ID}-{SPAN}-01-what-the-future-brings", TRACE),
        (f"{TEXT}-more", None),
        (f"ff-{ID}-{SPAN}-01", None),
        (TEXT.upper(), None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (f"00-{ID}-{SPAN}", None),
        ("4bf92f35\n", None),
        ("", None),
        (None, None),
    ],
)
def test_a_context_is_read_or_there_is_none(text, found):
    assert read(text) == found


def test_what_is_read_is_written_the_same():
    assert TRACE.header() == TEXT
    assert read(made("a").header()) == made("a")


def test_a_trace_of_a_name_is_always_the_same_and_one_without_never():
    assert made("a") == made("a") != made("b")
    assert made() != made()
    assert not made("a").sampled


@pytest.mark.parametrize("name", ["traceparent", "ce_traceparent"])
def test_a_batch_of_one_trace_belongs_to_it(name):
    assert carried([record(TEXT, name), record(TEXT, name)]) == Carried((TRACE,), alone=True)


def test_a_batch_with_others_in_it_does_not():
    other = f"00-{ID[::-1]}-{SPAN}-00"
    assert carried([record(TEXT), record()]) == Carried((TRACE,), alone=False)
    mixed = carried([record(TEXT), record(other)])
    assert (mixed.alone, mixed.sampled) == (False, [TRACE])
    assert carried([record(), SimpleNamespace(headers=None)]) == Carried()
    assert carried([record("rubbish")]) == Carried((), alone=False)


def test_of_many_traces_some_are_named():
    many = [record(f"00-{n:032x}-{SPAN}-01") for n in range(1, 100)]
    assert len(carried(many).traces) == tracing.CARRIED_MAX


def test_subjects_are_given_with_the_traces_that_somebody_wants_to_see():
    records = [record(TEXT, subject="seen"), record(f"00-{ID}-{SPAN}-00", subject="unseen"), record(subject="none")]
    assert list(by_subject(records)) == [("seen", TEXT)]


def test_a_header_without_a_value_is_as_none():
    empty = [SimpleNamespace(headers=[("traceparent", None)])]
    nobody = [SimpleNamespace(headers=[("traceparent", TEXT.encode()), ("ce_subject", None)])]
    assert (list(by_subject(empty)), list(by_subject(nobody))) == ([], [("", TEXT)])


def test_work_is_done_under_the_trace_that_came_or_a_new_one():
    assert (current(), outgoing()) == (None, None)
    with Untold().over("settle", Carried((TRACE,), alone=True)) as work:
        assert current() == TRACE
        assert not work.wrote
        assert outgoing() == TRACE
        assert work.wrote
    with Untold().over("settle", Carried((TRACE,)), "a place"):
        assert current() == made("a place")
    assert current() is None


def test_open_telemetry_is_on_by_its_own_variables_alone():
    assert not wanted({})
    assert wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    assert not wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"})
