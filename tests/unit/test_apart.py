"""What a process of a record's own says of the record: nothing, unless it came to it."""

import pytest
from aiokafka import ConsumerRecord

from shared.apart import try_apart
from shared.batches import Span
from shared.positions import Place

RECORD = ConsumerRecord("t", 0, 7, 0, 0, b"k", b"v", None, 1, 1, ())


async def test_a_process_that_cannot_begin_says_nothing_about_the_record(monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_KEYS", str(tmp_path / "not-there"))
    with pytest.raises(ConnectionError):
        await try_apart("intake", Span(Place("cluster", "t", "first", 0), [RECORD], 7, 8))
