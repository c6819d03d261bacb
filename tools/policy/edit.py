"""A pack's text with other rows: only what changed is written anew, everything else stays to the letter."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.policy import Pack
from shared.policy.keys import read_keys
from shared.policy.rule_keys import ROW, row
from tools.policy.plain import plain

_HEADER = re.compile(r"\s*\[")
_ROW = re.compile(r"\s*\[\[\s*row\s*\]\]")
_KEY = re.compile(r"\s*([\w-]+)\s*=")
_REMARK = re.compile(r"\s*(#.*)?")


def with_rows(content: str, pack: Pack, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Give the text with these rows in place of the pack's own, and what of it changed, a line each."""
    new = {str(keys["id"]): _normal(keys) for keys in rows}
    old = {id_: plain(each) for id_, each in pack.rows.items()}
    ending = "\r\n" if "\r\n" in content else "\n"
    before, blocks, after = _parted(content.splitlines(), list(old))
    said = [f"row {id_}: gone" for id_ in old if id_ not in new]
    written: dict[str, list[str]] = {}
    for id_, keys in new.items():
        written[id_] = _changed(blocks[id_], old[id_], keys) if id_ in old else _fresh(keys)
        said += [f"row {id_}: new"] if id_ not in old else _told(id_, old[id_], keys)
    kept = [id_ for id_ in old if id_ in new]
    order: list[str] = []
    last: dict[str | None, list[str]] = {None: []}
    at: str | None = None
    for id_ in new:  # What is new comes after the row that it follows in the sheet.
        if id_ in old:
            at = id_
        else:
            last.setdefault(at, []).append(id_)
    order = [*last[None], *(each for id_ in kept for each in (id_, *last.get(id_, ())))]
    lines = [*before, *(line for id_ in order for line in written[id_]), *after]
    return ending.join(lines) + (ending if content.endswith("\n") else ""), said


def _normal(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Give keys as `plain` gives them, where they can be read at all; else as they are, for the pack to refuse."""
    found, wrong = read_keys(keys, ROW)
    return dict(keys) if wrong else plain(row(**found))


def _told(id_: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"row {id_}: {name} {_shown(old.get(name))} -> {_shown(new.get(name))}"
        for name in ROW
        if old.get(name) != new.get(name)
    ]


def _shown(value: Any) -> str:
    return "nothing" if value is None else toml(value)


def _parted(lines: list[str], ids: list[str]) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Part a text into what stands before its first row, each row with what leads to it, and what comes after."""
    headers = [number for number, line in enumerate(lines) if _ROW.fullmatch(line.partition("#")[0].rstrip())]
    if not headers:
        return lines, {}, []
    begins = [headers[0], *(_lead(lines, number) for number in headers[1:])]
    last = next((n for n in range(headers[-1] + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    ends = [*begins[1:], _lead(lines, last) if last < len(lines) else last]
    blocks = {id_: lines[begin:end] for id_, begin, end in zip(ids, begins, ends, strict=True)}
    return lines[: begins[0]], blocks, lines[ends[-1] :]


def _lead(lines: list[str], number: int) -> int:
    """Find where the remarks begin that stand right before a header."""
    while _REMARK.fullmatch(lines[number - 1]) and lines[number - 1].strip():
        number -= 1
    if number > 1 and not lines[number - 1].strip() and lines[number - 2].startswith("#"):
        return _lead(lines, number - 1)
    return number


def _changed(block: list[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Write the keys that changed anew, where they stood; new ones come last."""
    different = [name for name in ROW if old.get(name) != new.get(name)]
    lines: list[str] = []
    left = [name for name in different if name in new]
    inside: str | None = None
    header = next(n for n, line in enumerate(block) if _ROW.match(line))
    for number, line in enumerate(block):
        match = _KEY.match(line) if number > header else None
        if match or _REMARK.fullmatch(line):
            inside = match[1] if match else None
            if inside in left:
                lines.append(f"{inside} = {toml(new[inside])}")
                left.remove(inside)
                continue
        if inside not in different:
            lines.append(line)
    end = max(n for n, line in enumerate(lines) if not _REMARK.fullmatch(line)) + 1
    return [*lines[:end], *(f"{name} = {toml(new[name])}" for name in left), *lines[end:]]


def _fresh(keys: Mapping[str, Any]) -> list[str]:
    return ["[[row]]", *(f"{name} = {toml(keys[name])}" for name in ROW if name in keys), ""]


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, date)):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(each)}" for name, each in value.items()) + "}"
    return '"' + "".join(map(_escaped, str(value))) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() or letter == " " else f"\\U{ord(letter):08x}"
