"""The JSON Schema of a policy pack, made of the same keys that it is read by."""

from typing import Any

from shared.policy.keys import schema_of_keys
from shared.policy.reading import NEEDED, SINGLE
from shared.policy.tables import TABLES

_SAYS = (
    "A policy pack is a TOML file; this says which tables and keys it has. Dates and times are TOML's own, written "
    "without quotes. What must fit between the tables, `./tenure policy check` says."
)


def pack_schema() -> dict[str, Any]:
    """Give the schema."""
    single = {name: schema_of_keys(keys) for name, keys in SINGLE.items()}
    lists = {name: {"type": "array", "items": schema_of_keys(table.keys)} for name, table in TABLES.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy pack",
        "description": _SAYS,
        "type": "object",
        "properties": {**single, **lists},
        "required": list(NEEDED),
        "additionalProperties": False,
    }
