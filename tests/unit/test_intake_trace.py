"""Where an event may carry its trace: Kafka's header, and CloudEvents' attribute in either mode."""

import json

import pytest

from services.intake.actions.cases import Message
from services.intake.actions.reading import read_message, trace_of
from tests.make_arrivals import binary, captured

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def trace_in(message):
    return trace_of(message, read_message(message))


def binary_message(**more):
    headers, raw = binary(captured())
    return Message("binary", headers | more, raw)


def structured_message(**more):
    return Message("structured", {}, json.dumps(captured() | more).encode())


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(binary_message(traceparent=TRACE), id="Kafka's header"),
        pytest.param(binary_message(ce_traceparent=TRACE), id="an attribute in a Kafka header"),
        pytest.param(binary_message(**{"ce-traceparent": TRACE}), id="an attribute in an HTTP header"),
        pytest.param(structured_message(traceparent=TRACE), id="an attribute of a structured event"),
        pytest.param(binary_message(traceparent=TRACE, ce_traceparent=TRACE[:-1] + "0"), id="the header before it"),
        pytest.param(Message("binary", {"traceparent": TRACE}, b"no event"), id="what is no event has one too"),
    ],
)
def test_a_trace_is_found_where_it_may_be(message):
    assert trace_in(message) == TRACE


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(binary_message(), id="none"),
        pytest.param(structured_message(), id="none, structured"),
        pytest.param(binary_message(traceparent="N-42"), id="not one"),
        pytest.param(structured_message(traceparent=42), id="not a string"),
        pytest.param(structured_message(data={"traceparent": TRACE}), id="within the data"),
    ],
)
def test_what_is_no_trace_is_passed_over(message):
    assert trace_in(message) is None
