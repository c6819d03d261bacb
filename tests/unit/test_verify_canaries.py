"""What was planted in content is known by any way it may be written, and met wherever it is told."""

import pytest

from tools.verify.canaries import Canaries


class Message:
    """A message as the broker gives it."""

    def __init__(self, key=b"", value=b"", headers=()):
        self._told = key, value, list(headers)

    def key(self):
        return self._told[0]

    def value(self):
        return self._told[1]

    def headers(self):
        return self._told[2]

    def topic(self):
        return "records.receipts.v1"

    def partition(self):
        return 3

    def offset(self):
        return 9


@pytest.mark.parametrize(
    ("told", "met"),
    [
        pytest.param(Message(value=b'{"a":"canary-5e7d"}'), True, id="planted, in a value"),
        pytest.param(Message(key=b"Z\xc3\xbcrich 7"), True, id="named, in a key"),
        pytest.param(Message(value=b'{"a":"Z\\u00fcrich 7"}'), True, id="named, as JSON may write it"),
        pytest.param(Message(headers=[("ce_id", None), ("ce_x", b"canary-5e7d")]), True, id="in a header"),
        pytest.param(Message(None, None), False, id="a tombstone"),
        pytest.param(Message(b"Z", b"rich 7"), False, id="halves of it, side by side"),
    ],
)
def test_what_is_told_elsewhere_is_met(told, met):
    canaries = Canaries(["Zürich 7", ""])
    canaries.elsewhere(told)
    assert dict(canaries.met) == ({"records.receipts.v1": 1} if met else {})
    assert canaries.messages == ({"records.receipts.v1": "records.receipts.v1[3]@9"} if met else {})


def test_only_what_was_planted_or_named_counts_as_looked_for():
    canaries = Canaries([])
    canaries.inbound(Message(value=b'{"summary":"canary-5e7d and canary-5e7d"}'))
    canaries.inbound(Message(value=None))
    assert (canaries.known, canaries.met.total()) == (1, 0)
    assert Canaries(["x", ""]).known == 1
