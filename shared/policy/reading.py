"""A pack's file into frozen values, or every mistake in it at once."""

import re
import tomllib
from codecs import BOM_UTF8
from hashlib import sha256
from typing import Any

from shared.policy import door, rule_keys, rules
from shared.policy.access import Access
from shared.policy.checks import check
from shared.policy.keys import Keys, read_keys
from shared.policy.mistakes import BadPack, Mistake, Places, places
from shared.policy.pack import Pack
from shared.policy.scheme import inherit
from shared.policy.tables import LIMITS, METADATA, PACK, TABLES
from shared.policy.values import Limits
from shared.policy.vault import VAULT, Vault
from shared.policy.workplace import QUARANTINE, Quarantine

_LINE = re.compile(r"at line (\d+)")
NEEDED = ("pack", "limits", "quarantine", "vault")
"""The tables without which nothing is a pack."""
SINGLE: dict[str, Keys] = {
    "pack": PACK,
    "limits": LIMITS,
    "forbidden": door.FORBIDDEN,
    "boilerplate": door.BOILERPLATE,
    "evaluation": door.EVALUATION,
    "references": door.REFERENCES,
    "metadata": METADATA,
    "quarantine": QUARANTINE,
    "vault": VAULT,
    "children": rule_keys.CHILDREN,
    "calendar": rule_keys.CALENDAR,
}


def read_pack(text: bytes, name: str) -> Pack:
    """Read and check a policy pack; a pack with mistakes is refused with all of them, each at its line."""
    tables = _parse(text, name)
    found = places(text.decode())
    single = {table: _read_single(found, tables, table) for table in SINGLE}
    lists = {table: _read_list(found, tables, table) for table in TABLES}
    for key in tables.keys() - SINGLE.keys() - TABLES.keys():
        found.note(key, -1, None, "no such table", f"remove it or use one of {', '.join((*SINGLE, *TABLES))}")
    if found.mistakes:
        raise BadPack(name, found.mistakes)
    pack = _pack(sha256(text).hexdigest(), single, lists)
    check(pack, lists, found)
    if found.mistakes:
        raise BadPack(name, found.mistakes)
    return pack


def _parse(text: bytes, name: str) -> dict[str, Any]:
    if text.startswith(BOM_UTF8):
        raise BadPack(name, [Mistake(1, "file", "begins with a byte order mark", "save it as UTF-8 without one")])
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise BadPack(name, [Mistake(line, "file", "not UTF-8", "save it as UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        match = _LINE.search(str(error))
        line = int(match[1]) if match else text.count(b"\n") + 1
        raise BadPack(name, [Mistake(line, "file", f"not TOML: {error}", "mend the line")]) from None


def _read_single(found: Places, tables: dict[str, Any], table: str) -> dict[str, Any]:
    value = tables.get(table)
    if value is None and table in NEEDED:
        found.note(table, -1, None, "the table is missing", f"add [{table}]")
    elif value is not None and not isinstance(value, dict):
        found.note(table, -1, None, "not a table", f"write it as [{table}]")
    if not isinstance(value, dict):
        return {}
    read, wrong = read_keys(value, SINGLE[table])
    for what, mend in wrong:
        found.note(table, -1, None, what, mend)
    return read


def _read_list(found: Places, tables: dict[str, Any], table: str) -> list[Any]:
    entries = tables.get(table, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        found.note(table, -1, None, "not a list of tables", f"write each as [[{table}]]")
        return []
    spec, values, seen = TABLES[table], [], set()
    for index, entry in enumerate(entries):
        named = entry.get(spec.id) if spec.id else None
        name = named if isinstance(named, str) else None
        read, wrong = read_keys(entry, spec.keys)
        if name in seen:
            wrong.append(("stands here twice", "remove one or rename it"))
        if name is not None:
            seen.add(name)
        for what, mend in wrong:
            found.note(table, index, name, what, mend)
        if not wrong:
            values.append(spec.make(**read))
    return values


def _pack(digest: str, single: dict[str, Any], lists: dict[str, list[Any]]) -> Pack:
    by = {name: {getattr(each, spec.id): each for each in lists[name]} for name, spec in TABLES.items() if spec.id}
    head = {key: value for key, value in single["pack"].items() if key != "title"}
    return Pack(
        hash=digest,
        mode_approved_by=head.pop("mode_approved_by", ()),
        **head,
        limits=Limits(**single["limits"]),
        quarantine=Quarantine(**single["quarantine"]),
        discard_reasons=by["discard_reason"],
        vault=Vault(**single["vault"]),
        record_types=by["record_type"],
        classes=inherit(by["class"], head["backstop"], head["exception_owner"]),
        rows=by["row"],
        groups=by["group"],
        offences=tuple(lists["offence"]),
        floors=by["floor"],
        sources=by["source"],
        required=tuple(lists["required"]),
        flags=by["flag"],
        triggers=by["trigger"],
        contacts=by["contact"],
        questions=tuple(lists["question"]),
        policing_purposes=by["policing_purpose"],
        purposes=by["purpose"],
        views=tuple(lists["view"]),
        access=Access(tuple(lists["screen"]), tuple(lists["sensitive"]), tuple(lists["watch"])),
        forbidden=door.Forbidden(**single["forbidden"]),
        boilerplate=door.Boilerplate(**single["boilerplate"]),
        evaluation=door.Evaluation(**single["evaluation"]),
        references=door.References(**single["references"]),
        timeliness=tuple(lists["timeliness"]),
        children=rules.Children(**single["children"]) if single["children"] else None,
        calendar=rules.Calendar(**single["calendar"]),
        relations=by["relation"],
        escalations=tuple(lists["escalation"]),
        metadata_keys=single["metadata"].get("keys", frozenset()),
    )
