"""From bytes to an event, or the reason why there is none in them."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn
from unicodedata import is_normalized, normalize
from uuid import UUID

import msgspec
import rfc8785

from shared.events import Reason
from shared.ids import event_uid

BODY_BYTES_MAX = 1_000_000
DEPTH_MAX = 64
INTEGER_MAX = 2**53 - 1  # RFC 8785 has no form for more.
DIGITS_MAX = 17
ID_CHARS_MAX = 128
SOURCE_CHARS_MAX = 256
_ID = re.compile(rf"[A-Za-z0-9._:/-]{{1,{ID_CHARS_MAX}}}")
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}")
_OPTIONAL = ("subject", "time", "sequence", "corrects")
_WORDS = re.compile(rf"[\x21-\x7e]{{1,{SOURCE_CHARS_MAX}}}")
_DIGITS = bytes(ord("0") if chr(code).isdecimal() else ord(" ") for code in range(256))  # Each digit is a nought.
_VAST = b"0" * len(str(INTEGER_MAX))
_fast = msgspec.json.Encoder(order="deterministic").encode
_text = msgspec.json.Encoder().encode


class Refused(Exception):
    """Why something is not taken as it is: a code, a place, a sentence that does not quote the value."""

    def __init__(self, code: str, pointer: str, sentence: str) -> None:
        super().__init__(code)
        self.reason = Reason(code, pointer, sentence)
        self.data: dict[str, Any] | None = None


class Sent(NamedTuple):
    """A CloudEvent as it was sent; `data` is decoded, `canonical` its RFC 8785 bytes."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str | None
    sequence: str | None
    corrects: str | None
    data: dict[str, Any]
    canonical: bytes
    uid: UUID
    trace: str | None = None  # CloudEvents' attribute `traceparent`, as it came.

    def body(self) -> bytes:
        """Give the canonical bytes by which two bodies are the same, whatever mode they came in."""
        who = {"sequence": self.sequence, "source": self.source, "subject": self.subject, "time": self.time}
        return b'{"data":%b,%b' % (self.canonical, _text({**who, "type": self.type})[1:])


class Unsound(NamedTuple):
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


def _refuse_number(text: str) -> NoReturn:
    raise Refused("not_a_number", "", "NaN and Infinity are not JSON; send a number or null.")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX or abs(value := int(digits)) > INTEGER_MAX:
        raise Refused("number_too_large", "", "An integer is 2^53 or beyond; send it as a string.")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("duplicate_key", "", "An object has the same key twice; send each key once.")
    return found


def _fraction(text: str) -> NoReturn:
    raise ValueError(text)


_quick = msgspec.json.Decoder(float_hook=_fraction).decode


def _quickly(raw: bytes) -> tuple[Any, bytes] | None:
    """Decode what is written as we would write it ourselves, or give None: then the careful way must look.

    Without fractions and escapes nothing is longer in the RFC 8785 form, and a key that came twice, or a space, is
    missing in it: of the same length, it is the same but for the order of keys.
    """
    if not raw.isascii() or b"\\" in raw or len(raw) > BODY_BYTES_MAX or _VAST in raw.translate(_DIGITS):
        return None
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        return None
    try:
        value = _quick(raw)
    except ValueError:  # Also msgspec's own.
        return None
    form = _fast(value)
    return (value, form) if len(form) == len(raw) else None


class _Decoder:
    """The standard decoder with hooks; it remembers whether a number with a fraction passed."""

    def __init__(self) -> None:
        self.fractions = False
        self._decode = json.JSONDecoder(
            object_pairs_hook=_unique, parse_int=_integer, parse_float=self._fraction, parse_constant=_refuse_number
        ).decode

    def _fraction(self, text: str) -> float:
        self.fractions = True
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Refused("number_too_large", "", "A number is beyond what JSON readers hold; send it as a string.")
        return value

    def __call__(self, text: str) -> Any:
        self.fractions = False
        return self._decode(text)


_decode = _Decoder()


def decode(raw: bytes, bytes_max: int = BODY_BYTES_MAX) -> tuple[Any, bool]:
    """Decode JSON strictly; gives the value and whether it is plain (its sorted encoding is its RFC 8785 form).

    Refuses what readers disagree about: duplicate keys, NaN, vast numbers, lone surrogates, NUL, deep nesting.
    """
    if len(raw) > bytes_max:
        raise Refused("too_large", "", f"The event is over {bytes_max} bytes; send its attachments elsewhere.")
    try:
        text = raw.decode()
        value = _decode(text)
    except UnicodeDecodeError:
        raise Refused("not_utf8", "", "The bytes are not UTF-8; encode the event as UTF-8.") from None
    except RecursionError:
        raise Refused("too_deep", "", f"The event nests deeper than {DEPTH_MAX} levels; flatten it.") from None
    except ValueError:
        raise Refused("not_json", "", "The bytes are not JSON; send one JSON value.") from None
    plain = not _decode.fractions
    if b"\\u" in raw or not (raw.isascii() or is_normalized("NFC", text)):
        value, plain = _normal(value, 0), False
    elif plain and not raw.isascii():
        plain = max(text) < "\ud800"  # Beyond, keys sort differently by code point and by UTF-16 unit.
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _measure(value)
    return value, plain


def _measure(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise Refused("too_deep", "", f"The event nests deeper than {DEPTH_MAX} levels; flatten it.")


def _normal(value: Any, depth: int) -> Any:
    if depth > DEPTH_MAX:
        raise Refused("too_deep", "", f"The event nests deeper than {DEPTH_MAX} levels; flatten it.")
    if isinstance(value, str):
        return _characters(value)
    if isinstance(value, list):
        return [_normal(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return _unique([(_characters(key), _normal(item, depth + 1)) for key, item in value.items()])
    return value


def _characters(text: str) -> str:
    if "\x00" in text:
        raise Refused("nul_character", "", "A text holds the character NUL; take it out.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refused("lone_surrogate", "", "A text holds half a surrogate pair; encode it as UTF-8.")
    return normalize("NFC", text)


def canonical(value: Any, plain: bool) -> bytes:
    """Give the RFC 8785 bytes of a decoded value."""
    return _fast(value) if plain else rfc8785.dumps(value)


def written(value: Any, plain: bool) -> bytes:
    """Give bytes that `decode` reads as this value again; the RFC 8785 form writes vast fractions as integers."""
    return _fast(value) if plain else json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def read_binary(headers: Mapping[str, str], raw: bytes | None) -> Sent | Unsound:
    """Read an event whose attributes are headers; without a usable id, source and type there is none (`Refused`)."""
    who = _identity({name[3:]: value for name, value in headers.items() if name[:3] in ("ce_", "ce-")})
    try:
        if raw is None or not raw.strip():
            raise Refused("no_data", "/data", "The event has no data; send the whole state.")
        if found := _quickly(raw):
            return _whole(who, *found)
        value, plain = decode(raw)
        return _whole(who, value, canonical(value, plain))
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
        return _whole(who, data, canonical(data, plain))
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


def _whole(who: dict[str, str], data: Any, form: bytes) -> Sent:
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
        who.get("traceparent"),
    )


def _attributes(who: dict[str, str]) -> None:
    for name in _OPTIONAL:
        if name in who and not _WORDS.fullmatch(who[name]):
            raise Refused(f"bad_{name}", f"/{name}", f"The event's {name} is too long or not plain ASCII.")
    if "sequence" in who and (not _SEQUENCE.fullmatch(who["sequence"]) or int(who["sequence"]) >= 2**63):
        raise Refused("bad_sequence", "/sequence", "The sequence is not a positive 64-bit integer as a string.")
