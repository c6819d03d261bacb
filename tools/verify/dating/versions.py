"""Rows as they count for one record: a change that says it does not reach it leaves it the row as it was."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from tools.verify.estate import Estate

Table = Mapping[str, Any]

_ORDER = "SELECT pack_hash FROM in_force ORDER BY turn"


def packs_until(estate: Estate, pack_hash: str) -> list[Table]:
    """List the packs that were in force before one came for the last time, the first of them first, and that one."""
    order = [row[0] for row in estate.retention.rows(_ORDER)]
    last = max((at for at, name in enumerate(order) if name == pack_hash), default=0)
    before = [name for name in order[:last] if name in estate.packs]
    return [estate.packs[name] for name in (*before, pack_hash)]


class Versions:
    """The rows of some packs that came one after the other, and by which of its versions a record goes."""

    def __init__(self, packs: Sequence[Table]) -> None:
        self.packs = packs

    def row(self, name: str, created_on: date) -> Table | None:
        """Give a row as it counts for a record made on a day and never reviewed; None where the last has no such."""
        fitting = [row for since, row in self._since.get(name, ()) if since <= created_on]
        return fitting[-1] if fitting else None

    @cached_property
    def floors(self) -> dict[str, Table]:
        """The floors; a former row may name one that the last pack has no more."""
        return {each["id"]: each for pack in self.packs for each in pack.get("floor", ())}

    @cached_property
    def _since(self) -> dict[str, list[tuple[date, Table]]]:
        """Give each row's versions, each with the first creation that it counts for."""
        found: dict[str, list[tuple[date, Table]]] = {}
        for pack in self.packs:
            rows = {row["id"]: row for row in pack.get("row", ())}
            found = {name: _after(found.get(name, []), row, pack) for name, row in rows.items()}
        return found


def _after(versions: list[tuple[date, Table]], row: Table, pack: Table) -> list[tuple[date, Table]]:
    if not versions or row.get("reaches", "at_once") == "at_once":
        return [(date.min, row)]
    return versions if row == versions[-1][1] else [*versions, (pack["pack"]["effective_on"], row)]
