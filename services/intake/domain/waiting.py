"""What may be known of a quarantined event without its content: its record type, unit, dates, and whom it names."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.intake.domain.names import blank
from services.intake.domain.reading import Sent, Unsound
from services.intake.domain.refused import Refused
from shared.calendar_rules import day_of, first_day_of
from shared.events import Reason
from shared.ids import nominal_ref
from shared.policy import Pack

Read = Sent | Unsound | Refused

_TYPE = re.compile(r"[a-z0-9_.-]{1,64}")
_UNIT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_NAME = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")  # Unsound data can hold what no id is made from.
_DATES = ("occurred_on", "created_on", "reported_at", "recorded_at", "on")
_CONTENT = frozenset({"content", "metadata"})
_INCOMPLETE = ("field_missing", "required_field")  # How the codes begin that say: something required is not there.


class Known(NamedTuple):
    """What is kept beside a quarantined event, to find it and to count it by."""

    record_type: str | None = None
    unit: str | None = None
    named: tuple[UUID, ...] = ()
    incomplete: bool = False


class Holdable(NamedTuple):
    """What a hold can match of a quarantined event: None is not known, an empty tuple is known to be none."""

    nominals: tuple[UUID, ...] | None = None
    sources: tuple[str, ...] | None = None
    record_types: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    offences: tuple[str, ...] | None = None
    spans: tuple[tuple[date, date], ...] | None = None


def known_of(read: Read, reasons: Sequence[Reason], subject: UUID | None) -> Known:
    """Give what may be known of an event that waits; of one whose data cannot be read nothing."""
    incomplete = any(reason.code.startswith(_INCOMPLETE) for reason in reasons)
    data = {} if isinstance(read, Refused) else read.data or {}
    named = tuple(ref for ref in named_by(data) if ref != subject)
    return Known(_told(_TYPE, data, "record_type"), _told(_UNIT, data, "unit"), named, incomplete)


def _told(form: re.Pattern[str], data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and form.fullmatch(value) else None


def named_by(data: dict[str, Any]) -> tuple[UUID, ...]:
    """Give every nominal that data names, in whatever role, each once, in their order."""
    return tuple(dict.fromkeys(_named(data)))


def _named(data: dict[str, Any]) -> Iterator[UUID]:
    for each in (data, *(value for name, value in data.items() if name not in _CONTENT)):
        for entry in each if isinstance(each, list) else (each,):
            if isinstance(entry, dict):
                words = (entry.get("nominal_source"), entry.get("nominal_id"))
                if all(isinstance(word, str) and _NAME.fullmatch(word) and not blank(word) for word in words):
                    yield nominal_ref(str(words[0]), str(words[1]))


def holdable(read: Read, pack: Pack) -> Holdable:
    """Give what a hold can match of an event; whatever is not plainly there is not known."""
    source = None if isinstance(read, Refused) else pack.sources.get(read.source)
    systems = (source.source_system,) if source else None
    if isinstance(read, Refused) or read.data is None:
        return Holdable(sources=systems)
    data = read.data
    types, units = _told(_TYPE, data, "record_type"), _told(_UNIT, data, "unit")
    offences = data.get("offences")
    codes = isinstance(offences, list) and all(isinstance(code, str) for code in offences)
    return Holdable(
        nominals=_persons(data),
        sources=systems,
        record_types=(types,) if types else None,
        units=(units,) if units else None,
        offences=tuple(offences) if codes and isinstance(offences, list) else None,
        spans=_spans(data, pack),
    )


def _persons(data: dict[str, Any]) -> tuple[UUID, ...] | None:
    """Give whom data names, if it tells all of them: links that are missing or not plain could name anybody."""
    links, named = data.get("links"), named_by(data)
    if links is None:
        return named or None
    plain = isinstance(links, list) and all(isinstance(each, dict) and named_by(each) for each in links)
    return named if plain else None


def _spans(data: dict[str, Any], pack: Pack) -> tuple[tuple[date, date], ...] | None:
    """Give each date as the days it can mean; one that cannot be read, or is not believed, could mean any."""
    texts = [data[name] for name in _DATES if data.get(name) is not None]
    try:
        spans = {(first_day_of(text, pack.zone), day_of(text, pack.zone)) for text in texts}
    except (TypeError, ValueError, OverflowError):
        return None
    nothing, first = pack.placeholders[0], pack.limits.earliest
    if any(day in nothing or (first and day < first) for span in spans for day in span):
        return None
    return tuple(sorted(spans)) or None
