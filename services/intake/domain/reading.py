"""From bytes to an event, or the reason why there is none in them."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from services.intake.domain.refused import Refused
from services.intake.domain.strict_json import canonical, decode, quickly
from shared.events import Reason
from shared.ids import event_uid

ID_CHARS_MAX = 128
SOURCE_CHARS_MAX = 256
_ID = re.compile(rf"[A-Za-z0-9._:/-]{{1,{ID_CHARS_MAX}}}")
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}")
_OPTIONAL = ("subject", "time", "sequence", "corrects")
_IN_WORDS = ("subject", "time", "corrects")  # And the sequence in digits.
# Headers by either prefix that bindings use; what else a sender's system adds is its own.
ATTRIBUTES = {
    prefix + name: name
    for prefix in ("ce_", "ce-")
    for name in ("specversion", "id", "source", "type", "traceparent", *_OPTIONAL)
}
_WORDS = re.compile(rf"[\x21-\x7e]{{1,{SOURCE_CHARS_MAX}}}")
_text = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Sent(msgspec.Struct):
    """A CloudEvent as it was sent; `decoded` is its data until that is let go, `canonical` its RFC 8785 bytes."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str | None
    sequence: str | None
    corrects: str | None
    decoded: dict[str, Any] | None
    canonical: bytes
    uid: UUID
    plain: bool  # The canonical bytes say all of the data: what has fractions, they write otherwise.
    trace: str | None = None  # CloudEvents' attribute `traceparent`, as it came.

    @property
    def data(self) -> dict[str, Any]:
        """Give the data decoded: as it was read or, once let go, from the canonical bytes."""
        return _decode(self.canonical) if self.decoded is None else self.decoded

    def let_go(self) -> None:
        """Let go of the decoded data if it can be had again: of a whole batch it would be thousands of values."""
        if self.plain:
            self.decoded = None

    def body(self) -> bytes:
        """Give the canonical bytes by which two bodies are the same, whatever mode they came in."""
        who = {"sequence": self.sequence, "source": self.source, "subject": self.subject, "time": self.time}
        return b'{"data":%b,%b' % (self.canonical, _text({**who, "type": self.type})[1:])


class Unsound(msgspec.Struct, frozen=True):
    """An event whose data cannot be taken: who it is, and why."""

    id: str
    source: str
    type: str
    subject: str | None
    sequence: str | None
    reason: Reason
    uid: UUID
    data: dict[str, Any] | None = None  # Where it could be decoded: what is forbidden must not be stored either way.

    def body(self) -> bytes:
        """Give nothing canonical: there is none."""
        return b""


def read_binary(headers: Mapping[str, str], raw: bytes | None) -> Sent | Unsound:
    """Read an event whose attributes are headers; without a usable id, source and type there is none (`Refused`)."""
    who = _identity({ATTRIBUTES[name]: value for name, value in headers.items() if name in ATTRIBUTES})
    try:
        if raw is None or not raw.strip():
            raise Refused("no_data", "/data", "The event has no data; send the whole state.")
        if found := quickly(raw):
            return _whole(who, *found, True)
        value, plain = decode(raw)
        return _whole(who, value, canonical(value, plain), plain)
    except Refused as refused:
        return _unsound(who, refused)


def read_structured(raw: bytes) -> Sent | Unsound:
    """Read an event that is one JSON object with its attributes."""
    value, plain = decode(raw)
    return read_envelope(value, plain)


def read_envelope(value: Any, plain: bool) -> Sent | Unsound:
    """Read a decoded envelope: one event of a structured message or of a batch."""
    if not isinstance(value, dict):
        raise Refused(
            "not_an_event", "", "A CloudEvent is a JSON object; send one, or a list of them as cloudevents-batch+json."
        )
    who, data = _identity({key: item for key, item in value.items() if isinstance(item, str)}), value.get("data")
    try:
        for name in _OPTIONAL:
            if not isinstance(value.get(name, ""), str | None):
                raise Refused(f"bad_{name}", f"/{name}", f"The event's {name} is not a string; send it as one.")
        return _whole(who, data, canonical(data, plain), plain)
    except Refused as refused:
        refused.data = data if isinstance(data, dict) else None
        return _unsound(who, refused)


def _unsound(who: dict[str, str], refused: Refused) -> Unsound:
    return Unsound(
        *(who["id"], who["source"], who["type"], _sane(who, "subject"), _sane(who, "sequence"), refused.reason),
        event_uid(who["source"], who["id"]),
        refused.data,
    )


def _identity(who: dict[str, str]) -> dict[str, str]:
    if who.get("specversion") != "1.0":
        raise Refused(
            "not_an_event",
            "/specversion",
            "No CloudEvents 1.0 attributes; send specversion 1.0, or a whole event as application/cloudevents+json.",
        )
    if not _ID.fullmatch(who.get("id", "")):
        raise Refused("bad_id", "/id", "The event's id is missing or not 1 to 128 of A-Z a-z 0-9 . _ : / -.")
    for name in ("source", "type"):
        if not _WORDS.fullmatch(who.get(name, "")):
            raise Refused(f"bad_{name}", f"/{name}", f"The event's {name} is missing, too long or not plain ASCII.")
    return who


def _sane(who: Mapping[str, str], name: str) -> str | None:
    value = who.get(name)
    return value if value is not None and _WORDS.fullmatch(value) else None


def _whole(who: dict[str, str], data: Any, form: bytes, plain: bool) -> Sent:
    if not isinstance(data, dict):
        raise Refused("bad_data", "/data", "The event's data is not a JSON object.")
    try:
        _attributes(who)
    except Refused as refused:
        refused.data = data
        raise
    return Sent(
        *(who["id"], who["source"], who["type"], who.get("subject"), who.get("time")),
        *(who.get("sequence"), who.get("corrects"), data, form, event_uid(who["source"], who["id"])),
        *(plain, who.get("traceparent")),
    )


def _attributes(who: dict[str, str]) -> None:
    for name in _IN_WORDS:
        if (said := who.get(name)) is not None and not _WORDS.fullmatch(said):
            raise Refused(f"bad_{name}", f"/{name}", f"The event's {name} is too long or not plain ASCII.")
    sequence = who.get("sequence")
    if sequence is not None and (not _SEQUENCE.fullmatch(sequence) or int(sequence) >= 2**63):
        raise Refused("bad_sequence", "/sequence", "The sequence is not a positive 64-bit integer as a string.")
