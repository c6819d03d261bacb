"""Read CloudEvents as JSON lines, one event in structured form on each; `data` is sent byte for byte as it stands."""

import gzip
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from shared.ids import nominal_ref, record_id
from tools.adapters.outgoing import Mistake, Outgoing

LINE_BYTES_MAX = 1_000_000  # What the broker takes in one message, less its headers.
REQUIRED = ("specversion", "id", "source", "type")
ATTRIBUTES = (*REQUIRED, "subject", "time", "sequence", "datacontenttype", "data", "data_base64")

_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]{1,40}")


class BadLine(Exception):
    """A line is no event: why, and the mend, without the line's number."""


class _Named(msgspec.Struct):
    """The names of a subject in an event's data."""

    source_system: str | None = None
    source_record_id: str | None = None
    record_id: str | None = None
    nominal_source: str | None = None
    nominal_id: str | None = None


def read(path: Path) -> Iterator[Outgoing]:
    """Read a file's events in its own order; a `Mistake` names the line and the mend."""
    try:
        with _opened(path) as file:
            yield from _events(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Mistake(f"{path}: {reason}: give a file of CloudEvents, one JSON object on each line.") from error


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _events(path: Path, file: IO[bytes]) -> Iterator[Outgoing]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        try:
            if line.strip():
                yield _event(line)
        except BadLine as error:
            raise Mistake(f"{path}, line {number}: {error}.") from error


def _event(line: bytes) -> Outgoing:
    attributes = _attributes(line)
    texts = _texts(attributes)
    for name in REQUIRED:
        if not texts.get(name):
            raise BadLine(f"the attribute {name!r} is missing: every CloudEvent has one")
    data = _data(attributes)
    return Outgoing(
        kind=texts["type"],
        source=texts["source"],
        id=texts["id"],
        type=texts["type"],
        data=data,
        subject=texts.get("subject"),
        time=texts.get("time"),
        sequence=texts.get("sequence"),
        content_type=texts.get("datacontenttype", "application/json"),
        extensions={name: text for name, text in texts.items() if name not in ATTRIBUTES},
        about=named_subject(data),  # Not sent as its subject: over HTTP the same line must be the same event.
    )


def _attributes(line: bytes) -> dict[str, msgspec.Raw]:
    if len(line) > LINE_BYTES_MAX:
        raise BadLine(f"longer than {LINE_BYTES_MAX:,} bytes: split what it carries into several events")
    try:
        attributes = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadLine("not a JSON object: write one CloudEvent in structured JSON on each line") from None
    for name in attributes:
        if name != "data_base64" and not _ATTRIBUTE_NAME.fullmatch(name):
            raise BadLine("an attribute's name is not lower-case letters and digits: content belongs in 'data'")
    return attributes


def _texts(attributes: dict[str, msgspec.Raw]) -> dict[str, str]:
    """Give the attributes as the texts that headers carry; a null is an attribute not given."""
    given = {name: _text(name, raw) for name, raw in attributes.items() if name not in ("data", "data_base64")}
    return {name: text for name, text in given.items() if text is not None}


def _text(name: str, raw: msgspec.Raw) -> str | None:
    try:
        value = msgspec.json.decode(raw, type=str | int | bool | None)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadLine(f"the attribute {name!r} is not a text, a number or a boolean") from None
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _data(attributes: dict[str, msgspec.Raw]) -> bytes:
    if "data" in attributes:
        return bytes(attributes["data"])
    try:
        return b64decode(msgspec.json.decode(attributes.get("data_base64", b'""'), type=str), validate=True)
    except (msgspec.MsgspecError, ValueError):
        raise BadLine("'data_base64' is not base64: encode it again, or write 'data'") from None


def named_subject(data: bytes) -> str | None:
    """Work out whom the data names; an event that names nobody goes as it is, and intake says so."""
    try:
        names = msgspec.json.decode(data, type=_Named)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if names.record_id:
        return names.record_id
    if names.source_system and names.source_record_id:
        return str(record_id(names.source_system, names.source_record_id))
    if names.nominal_source and names.nominal_id:
        return str(nominal_ref(names.nominal_source, names.nominal_id))
    return None
