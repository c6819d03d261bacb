"""What is kept of a refusal: its reason, and nothing of the batch that it was read in."""

import gc
import json
import weakref
from collections.abc import Callable

import pytest

from services.intake.actions.cases import Message
from services.intake.actions.reading import Read, read_item, read_message
from services.intake.domain.refused import Refused


class Batch(list[Read]):
    """A list that a test can see go."""


def structured(raw: bytes) -> Message:
    return Message("structured", {}, raw)


def item(value: object) -> Read:
    return read_item(structured(json.dumps(value).encode()), value, plain=True)


@pytest.mark.parametrize(
    ("read", "code"),
    [
        pytest.param(lambda: read_message(Message("binary", {}, b"{}")), "not_an_event", id="no attributes"),
        pytest.param(lambda: read_message(structured(b"[]")), "not_an_event", id="no object"),
        pytest.param(lambda: read_message(structured(b"{")), "not_json", id="for another exception's sake"),
        pytest.param(lambda: read_message(structured(b"\xff")), "not_utf8", id="for one that holds the bytes"),
        pytest.param(lambda: item([]), "not_an_event", id="one of a list"),
    ],
)
def test_a_batch_with_refusals_goes_with_its_last_user_and_waits_for_no_collector(
    read: Callable[[], Read], code: str
) -> None:
    def settle() -> weakref.ref[Batch]:
        batch = Batch()
        batch += [read() for _ in range(2)]
        assert [each.reason.code for each in batch if isinstance(each, Refused)] == [code, code]
        return weakref.ref(batch)

    gc.disable()
    try:
        left = settle()
    finally:
        gc.enable()
    assert left() is None
