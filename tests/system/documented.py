"""What is on the topics, held against the AsyncAPI document as it is committed."""

import json
from itertools import islice
from typing import Any

import jsonschema

from tests.system import counting
from tools.documents.writing import FOLDER

EACH_MAX = 500
_DIALECT = jsonschema.Draft202012Validator


def undocumented(bootstrap: str) -> tuple[set[str], set[str]]:
    """Give the types that were seen, and what about them is not as the document says; inbound topics are others'."""
    document = json.loads((FOLDER / "asyncapi.json").read_text())
    seen, wrong = set(), set()
    for name, channel in document["channels"].items():
        if channel["tags"][0]["name"] == "inbound":
            continue
        types = {document["components"]["messages"][each]["name"]: each for each in channel["messages"]}
        for message in islice(counting.read(bootstrap, name, channel["bindings"]["kafka"]["partitions"]), EACH_MAX):
            headers = {key: value.decode() for key, value in message.headers() or ()}
            kind = headers.get("ce_type", "")
            seen.add(kind)
            if kind not in types:
                wrong.add(f"{name}: {kind} is not declared")
            elif (value := message.value()) is not None:  # A tombstone has no data.
                told = document["components"]["messages"][types[kind]]
                wrong.update(f"{kind}: {each}" for each in _wrong(document, told, headers, json.loads(value)))
    return seen, wrong


def _wrong(document: dict[str, Any], told: dict[str, Any], headers: dict[str, str], data: Any) -> list[str]:
    schemas = {"components": {"schemas": document["components"]["schemas"]}}
    found = []
    for schema, value in ((told["headers"], headers), (told["payload"], data)):
        checker = _DIALECT({**schema, **schemas}, format_checker=_DIALECT.FORMAT_CHECKER)
        found += [f"{error.json_path} {error.validator}" for error in checker.iter_errors(value)]
    return found
