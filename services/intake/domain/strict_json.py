"""JSON as no two readers understand it differently, and its one RFC 8785 form."""

import json
from typing import Any, NoReturn
from unicodedata import is_normalized, normalize

import msgspec
import rfc8785

from services.intake.domain.refused import Refused

BODY_BYTES_MAX = 1_000_000
DEPTH_MAX = 64
INTEGER_MAX = 2**53 - 1  # RFC 8785 has no form for more.
DIGITS_MAX = 17
_DIGITS = bytes(ord("0") if chr(code).isdecimal() else ord(" ") for code in range(256))  # Each digit is a nought.
_OPENING = b"{["  # Left out where digits are looked for: how much shorter that is, so many there are.
_VAST = b"0" * len(str(INTEGER_MAX))
_fast = msgspec.json.Encoder(order="deterministic").encode


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


def quickly(raw: bytes) -> tuple[Any, bytes] | None:
    """Decode what is written as we would write it ourselves, or give None: then the careful way must look.

    Without fractions and escapes nothing is longer in the RFC 8785 form, and a key that came twice, or a space, is
    missing in it: of the same length, it is the same but for the order of keys.
    """
    if not raw.isascii() or b"\\" in raw or len(raw) > BODY_BYTES_MAX:
        return None
    digits = raw.translate(_DIGITS, _OPENING)
    if _VAST in digits or len(raw) - len(digits) > DEPTH_MAX:
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
