"""Events against the published JSON Schemas of their types: what can be told of them before they are sent."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.adapters.outgoing import Outgoing
from tools.stack.paths import ROOT

FOLDER = ROOT / "docs" / "contract" / "schemas"
EXAMPLES_MAX = 5
UNKNOWN = (
    "What intake alone can tell was not checked: whether the source is registered and its fields are those that the "
    "pack requires, what came before, and whether a record is disposed of."
)


@dataclass(slots=True)
class Findings:
    """What is wrong with the events of files, counted by place, each with its first rows."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    unchecked: Counter[str] = field(default_factory=Counter)
    _checks: dict[str, Callable[[Any], list[str]] | None] = field(default_factory=dict)

    def look(self, path: Path, number: int, event: Outgoing) -> None:
        """Check one event; what is found is counted."""
        if event.type not in self._checks:
            self._checks[event.type] = _check_of(event.type)
        check = self._checks[event.type]
        if check is None:
            self.unchecked[event.type] += 1
            return
        try:
            wrong = check(json.loads(event.data))
        except (ValueError, RecursionError):
            wrong = ["/data: is no JSON"]
        for each in dict.fromkeys(wrong):
            self.counts[each] += 1
            shown = self.examples.setdefault(each, [])
            if len(shown) < EXAMPLES_MAX:
                shown.append(f"{path.name} event {number:,}")

    def sentences(self) -> list[str]:
        """Say what was found, the commonest first, and what could not be told."""
        told = [
            f"{count:,} events: {what} (first: {', '.join(self.examples[what])})"
            for what, count in self.counts.most_common()
        ]
        told += [
            f"{count:,} events of {name}: no schema is published of that type."
            for name, count in self.unchecked.items()
        ]
        return [*told, UNKNOWN]


def _check_of(name: str) -> Callable[[Any], list[str]] | None:
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return None
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    validator = Draft202012Validator(json.loads(path.read_text()))

    def check(data: Any) -> list[str]:
        return [_sentence(best_match([each])) for each in validator.iter_errors(data)]

    return check


def _sentence(error: Any) -> str:
    """Name the place and the rule: the library's own sentence quotes the value."""
    place = "/".join(["/data", *map(str, error.absolute_path)])
    meant = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    rule = f"{error.validator} {error.validator_value}" if error.validator in ("required", "type") else error.validator
    return f"{place}: against the schema's {rule}. {meant}".rstrip()
