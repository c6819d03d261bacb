"""Read a message in its mode, whichever door it came through."""

from services.intake.actions.cases import Message
from services.intake.domain.reading import Refused, Sent, Unsound, read_binary, read_structured
from shared.crash import crash_point

TOPIC, HTTP = 0, 1


def read_message(message: Message) -> Sent | Unsound | Refused:
    """Read a message in its mode; a refusal is a value here."""
    if message.raw and b"tenure-test-poison" in message.raw:
        crash_point("reading_poison")
    try:
        if message.mode == "structured":
            return read_structured(message.raw or b"")
        return read_binary(message.headers, message.raw)
    except Refused as refused:
        return refused
