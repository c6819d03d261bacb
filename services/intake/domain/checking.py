"""Is an event sound? Shape, subject, dates, what the pack requires: everything wrong with it is told at once."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from services.intake.domain.dates import Told, birth, civil, instant, is_sure, whole_day
from services.intake.domain.manifests import manifest_reasons
from services.intake.domain.names import name_reasons
from services.intake.domain.reading import Sent
from services.intake.domain.refused import Refused
from services.intake.domain.required import record_reasons
from services.intake.domain.shapes import SHAPES, Activity, Contact, Manifest, NominalState, RecordState, Trigger
from services.intake.domain.subjects import History, Sound, read
from shared.events import Reason
from shared.policy import Pack

__all__ = ["History", "Sound", "check", "shown"]

_HIDDEN = ("content", "objects", "places", "metadata")
BOUNDS_KNOWN_MAX = 16  # One for each day and pack, and of both there are few at a time.


def check(sent: Sent, pack: Pack, today: date) -> Sound | tuple[Reason, ...]:
    """Give the sound event, or every reason why it is quarantined."""
    source = pack.sources.get(sent.source)
    if source is None:
        return (
            Reason("source_not_registered", "/source", "The source is not registered in the policy pack; register it."),
        )
    shape = SHAPES.get(sent.type)
    if shape is None:
        return (
            Reason("type_not_yet_known", "/type", "This type of event is not known here yet; replay it once it is."),
        )
    told = Told(pack, source, *_days_believed(pack.limits.earliest, pack.limits.future_days_max, today))
    try:
        value = msgspec.convert(sent.data, shape)
        sound = read(sent, value, told)
    except msgspec.ValidationError as error:
        return (_misshapen(str(error)),)
    except Refused as refused:
        return (refused.reason,)
    reasons = tuple(_all_reasons(sent, value, sound, told))
    return reasons or sound


@lru_cache(maxsize=BOUNDS_KNOWN_MAX)
def _days_believed(earliest: date | None, ahead: int, today: date) -> tuple[date, date]:
    """Give the first and the last day that a date may be: the same for all that comes in a day."""
    return earliest or date.min, today + timedelta(days=ahead)


def _misshapen(message: str) -> Reason:
    what, _, where = message.partition(" - at ")
    found = re.search(r"`\$(.*)`$", where)
    # Of what is under a key of the sender's own, the place of the whole map is told: the key is not ours to repeat.
    path = found[1].partition("[...]")[0] if found else ""
    pointer = "/data" + re.sub(r"\[(\d+)\]", r"/\1", path).replace(".", "/")
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        return Reason("field_missing", f"{pointer}/{missing[1]}", "A required field is missing; send it.")
    return Reason("field_invalid", pointer, "A field has the wrong type, length or value; see the type's schema.")


def _all_reasons(sent: Sent, value: Any, sound: Sound, told: Told) -> Iterator[Reason]:
    if sent.sequence is not None and not sound.sequence:
        yield Reason("sequence_not_allowed", "/sequence", "Only states carry a sequence; leave it out.")
    yield from name_reasons(sent, value, told.source, told.pack)
    if sent.time is not None and not is_sure(sent.time, told):
        yield from instant(sent.time, "/time", told)
    if more := _MORE.get(type(value)):
        yield from more(sent, value, sound, told)


def _of_record(sent: Sent, value: RecordState, sound: Sound, told: Told) -> Iterator[Reason]:
    yield from record_reasons(sent, value, sound.record_type, told)
    for name in ("occurred_on", "created_on"):
        if (text := getattr(value, name)) is not None:
            yield from civil(text, f"/data/{name}", value.precision, told)
    for name in ("reported_at", "recorded_at"):
        if (text := getattr(value, name)) is not None and not is_sure(text, told):
            yield from instant(text, f"/data/{name}", told)


def _of_nominal(_: Sent, value: NominalState, __: Sound, told: Told) -> Iterator[Reason]:
    if value.date_of_birth is not None:
        yield from birth(value.date_of_birth, "/data/date_of_birth", told)
    if value.died_on is not None:
        yield from whole_day(value.died_on, "/data/died_on", told)
    for number, flag in enumerate(value.flags):
        if flag not in told.pack.flags:
            yield Reason(
                "flag_not_declared", f"/data/flags/{number}", "The policy pack declares no such flag; declare it first."
            )


def _on_a_day(_: Sent, value: Contact | Activity, __: Sound, told: Told) -> Iterator[Reason]:
    yield from civil(value.on, "/data/on", value.precision, told)


def _of_trigger(_: Sent, value: Trigger, __: Sound, told: Told) -> Iterator[Reason]:
    yield from civil(value.on, "/data/on", value.precision, told)
    if value.trigger not in told.pack.triggers:
        yield Reason(
            "trigger_not_declared", "/data/trigger", "The policy pack declares no such trigger; declare it first."
        )


def _of_manifest(sent: Sent, value: Manifest, _: Sound, __: Told) -> Iterator[Reason]:
    yield from manifest_reasons(sent.time, value)


_MORE: dict[Any, Callable[[Sent, Any, Sound, Told], Iterator[Reason]]] = {
    RecordState: _of_record,
    NominalState: _of_nominal,
    Contact: _on_a_day,
    Activity: _on_a_day,
    Trigger: _of_trigger,
    Manifest: _of_manifest,
}


def shown(sound: Sound, metadata_keys: frozenset[str]) -> dict[str, Any]:
    """Give the state without content, objects, places and those metadata that the pack does not name."""
    data = sound.sent.data
    state = data.copy()
    for key in _HIDDEN:
        if key in state:
            del state[key]
    said = data.get("metadata")
    if said and (named := {key: value for key, value in said.items() if key in metadata_keys}):
        state["metadata"] = named
    return state
