"""How soon records are to come: from report to record and on to here, and how long a source may be silent."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.policy.keys import Key, Keys, Wanted, described, text

_SPAN = re.compile(r"([1-9][0-9]{0,4})(h|d)")


@dataclass(frozen=True, slots=True)
class Timeliness:
    """What is late; the first row that fits a record counts."""

    record_type: str | None = None
    source: str | None = None
    reported_to_recorded: timedelta | None = None
    recorded_to_received: timedelta | None = None


@described({"type": "string", "pattern": "^[1-9][0-9]{0,4}[hd]$"})
def span(value: Any) -> timedelta:
    """Read a length of real time: hours or days, to the hour."""
    match = _SPAN.fullmatch(text(value))
    if match is None:
        raise Wanted('write hours or days, like "24h" or "3d"')
    return timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(days=int(match[1]))


TIMELINESS: Keys = {
    "record_type": Key(text),
    "source": Key(text),
    "reported_to_recorded": Key(span),
    "recorded_to_received": Key(span),
}
SILENCE: Keys = {"silent_after": Key(span), "manifest_every": Key(span)}


def lag_limits(rows: Iterable[Timeliness]) -> list[tuple[str | None, str | None, str, int]]:
    """Give (source, record type, lag, seconds) in the pack's order; None: any."""
    return [
        (row.source, row.record_type, name, int(limit.total_seconds()))
        for row in rows
        for name in ("reported_to_recorded", "recorded_to_received")
        if (limit := getattr(row, name)) is not None
    ]


def check_timeliness(
    value: Timeliness, record_types: Collection[str], sources: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Tell what is wrong with a row."""
    if value.record_type is not None and value.record_type not in record_types:
        yield f"record type {value.record_type!r} is not in this pack", "add it as [[record_type]] or name one"
    if value.source is not None and value.source not in sources:
        yield f"source {value.source!r} is not in this pack", "add it as [[source]] or name one that is there"
    if value.reported_to_recorded is None and value.recorded_to_received is None:
        yield "limits nothing", "give `reported_to_recorded`, `recorded_to_received` or both"
