"""What the pack asks of a record's state, and what its parts ask of each other."""

from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256
from typing import Any

from services.intake.domain.dates import Told
from services.intake.domain.reading import Sent
from services.intake.domain.shapes import Evaluation, RecordState
from services.intake.domain.strict_json import canonical
from shared.calendar_rules import instant_of
from shared.events import Reason
from shared.policy import Pack
from shared.policy.door import plain

_GRADES = ("source", "assessment", "handling")
_INSTANTS = ("/reported_at", "/recorded_at")
_ABSENT = object()


def record_reasons(sent: Sent, value: RecordState, record_type: str | None, told: Told) -> Iterator[Reason]:
    """Tell what is wrong with a record's state but for its names and dates."""
    pack = told.pack
    if value.record_type is not None and value.record_type not in pack.record_types:
        sentence = "The pack in force has no such record type; replay once it has."
        yield Reason("record_type_not_known", "/data/record_type", sentence)
    yield from _fields(sent, pack.required_fields(value.source_system, record_type), pack)
    if value.policing_purpose is not None and value.policing_purpose not in pack.policing_purposes:
        yield Reason(
            "purpose_not_known",
            "/data/policing_purpose",
            "The pack knows no such policing purpose; send one of its, or declare it.",
        )
    if value.medium == "physical":
        yield from _physical(value)
    if value.evaluation is not None:
        yield from _evaluation(value.evaluation, pack)
    if value.content_sha256 is not None and value.content_sha256 != _fixity(value.content):
        yield Reason("fixity_failed", "/data/content_sha256", "The content does not have this SHA-256; send it again.")


def _fields(sent: Sent, pointers: tuple[str, ...], pack: Pack) -> Iterator[Reason]:
    for pointer in pointers:
        found = at(sent.data, pointer)
        if found in (None, _ABSENT, [], {}) or (isinstance(found, str) and not found.strip()):
            sentence = "The pack requires this field of such a record; fill it in."
            yield Reason("required_field_empty", f"/data{pointer}", sentence)
        elif isinstance(found, str) and plain(found) in pack.says_nothing:
            sentence = "The pack requires this field and counts these words as saying nothing; fill it in."
            yield Reason("required_field_boilerplate", f"/data{pointer}", sentence)


def _physical(value: RecordState) -> Iterator[Reason]:
    for name in ("place", "custodian"):
        if getattr(value, name) is None:
            sentence = "A physical record needs its place and its custodian; send both."
            yield Reason("field_missing", f"/data/{name}", sentence)


def _evaluation(value: Evaluation, pack: Pack) -> Iterator[Reason]:
    for name in _GRADES:
        grade, known = getattr(value, name), getattr(pack.evaluation, name)
        if grade is not None and known and str(grade) not in known:
            sentence = "The policy pack has no such grade of an evaluation; correct it."
            yield Reason("grade_not_known", f"/data/evaluation/{name}", sentence)


def _fixity(content: dict[str, Any]) -> str:
    return sha256(canonical(content, plain=False)).hexdigest()


def at(data: Any, pointer: str) -> Any:
    """Give the value at a JSON Pointer; of a place that is not there, a value that is like no other."""
    for part in pointer.split("/")[1:]:
        data = data.get(part, _ABSENT) if isinstance(data, dict) else _ABSENT
    return data


def settled_values(data: Any, pointers: tuple[str, ...]) -> dict[str, tuple[bytes, ...]]:
    """Give the bytes by which each settled field is compared; one that is not there differs from any that is.

    Of an instant there are two: as one instant is always written, and as it was sent, which is how those that came
    earlier were kept.
    """
    return {pointer: _forms(pointer, at(data, pointer)) for pointer in pointers}


def _forms(pointer: str, value: Any) -> tuple[bytes, ...]:
    if value is _ABSENT:
        return (b"",)
    sent = canonical(value, plain=False)
    if pointer not in _INSTANTS or not isinstance(value, str):
        return (sent,)
    try:
        return canonical(instant_of(value).astimezone(UTC).isoformat(), plain=False), sent
    except (ValueError, OverflowError):
        return (sent,)
