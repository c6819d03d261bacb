"""Read a message in its mode, whichever door it came through."""

from typing import Any

from services.intake.actions.cases import Message
from services.intake.domain.reading import Sent, Unsound, read_binary, read_envelope, read_structured
from services.intake.domain.refused import Refused
from services.intake.domain.strict_json import BODY_BYTES_MAX
from shared.crash import armed, crash_point
from shared.tracing import HEADER
from shared.tracing import read as parsed

TOPIC, HTTP = 0, 1
Read = Sent | Unsound | Refused


def trace_of(message: Message, read: Read) -> str | None:
    """Give the trace that an event carries as a `traceparent`; what is none is passed over, as the W3C has it."""
    said = message.headers.get(HEADER) or (read.trace if isinstance(read, Sent) else None)
    trace = parsed(said) if said else None
    return trace.header() if trace else None


def read_message(message: Message) -> Read:
    """Read a message in its mode; a refusal is a value here."""
    _crash_at_poison(message)
    try:
        if message.mode == "structured":
            return read_structured(message.raw or b"")
        return read_binary(message.headers, message.raw)
    except Refused as refused:
        return _kept(refused)


def read_item(message: Message, value: Any, plain: bool) -> Read:
    """Read one event of a batch that was decoded as a whole: what is plain need not be decoded again."""
    if not plain or len(message.raw or b"") > BODY_BYTES_MAX:
        return read_message(message)
    _crash_at_poison(message)
    try:
        return read_envelope(value, plain)
    except Refused as refused:
        return _kept(refused)


def _kept(refused: Refused) -> Refused:
    """Give a refusal as a value: the one raised holds the frames it went through, and these the whole batch."""
    why = refused.reason
    return Refused(why.code, why.pointer, why.sentence)


def _crash_at_poison(message: Message) -> None:
    if armed() and message.raw and b"tenure-test-poison" in message.raw:
        crash_point("reading_poison")
