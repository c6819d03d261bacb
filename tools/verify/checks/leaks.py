"""I12: nothing of what was planted in content is on a topic, in a table, a log or a metric; nor is a password."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.tables import SERVICES, Schema

ANSWER_SECONDS_MAX = 2.0
_NOTHING_PLANTED = (
    "nothing was planted to look for: name strings of content with `--canary STRING`, or publish content that holds "
    "one that begins with `canary-`, as the demonstration does"
)
# Every column that can hold text, of every table; a partition's rows are read with its table's.
_COLUMNS = """
SELECT c.relname, array_agg(quote_ident(a.attname) ORDER BY a.attnum), array_agg(t.typname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
    AND t.typname IN ('text', 'varchar', 'bytea', 'json', 'jsonb', '_text', '_bytea') GROUP BY c.relname ORDER BY 1"""
_AS_BYTES = {"bytea": "{}", "_bytea": "convert_to({}::text, 'UTF8')"}


def check(estate: Estate, tally: Tally) -> None:
    """Look through topics, tables, logs and metrics; tells where something was met, and never what."""
    canaries = estate.published.canaries
    if not canaries.known and not canaries.met:
        raise NotCheckable(_NOTHING_PLANTED)
    tally.note(f"{canaries.known:,} strings were looked for")
    tally.looked(estate.published.messages)
    for topic, count in sorted(canaries.met.items()):
        tally.fail("topics that tell what was planted", f"{count:,} messages, the first at {canaries.messages[topic]}")
    for service in SERVICES:
        _tables(estate, tally, estate.schemas[service])
    _logs(estate, tally)
    _metrics(estate, tally)


def _tables(estate: Estate, tally: Tally, schema: Schema) -> None:
    forms = list(estate.published.canaries.forms)
    for table, columns, types in schema.rows(_COLUMNS, [schema.service]):
        estate.progress.at(f"I12 looks through {schema.service}.{table}")
        texts = [
            _AS_BYTES.get(kind, "convert_to({}::text, 'UTF8')").format(column)
            for column, kind in zip(columns, types, strict=True)
        ]
        anywhere = " OR ".join(f"position(form IN {text}) > 0" for text in texts)
        statement = (
            f"SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM unnest(%s::bytea[]) form WHERE {anywhere}))"
        )
        [(rows, met)] = schema.rows(f'{statement} FROM "{table}"', [forms])
        tally.looked(rows)
        if met:
            tally.fail("tables that tell what was planted", f"{met:,} rows of {schema.service}.{table}")


def _logs(estate: Estate, tally: Tally) -> None:
    canaries, secrets = estate.published.canaries, [each.encode() for each in _passwords()]
    files = [path for folder in estate.logs for path in sorted(folder.glob("*.log*"))]
    if not files:
        tally.note("no logs were there to look through: name their folder with `--logs`")
    for path in files:
        tally.looked()
        if line := _first_line(path, canaries.in_bytes):
            tally.fail("logs that tell what was planted", f"{path.name} line {line:,}")
        if line := _first_line(path, lambda text: any(secret in text for secret in secrets)):
            tally.fail("logs that tell a password", f"{path.name} line {line:,}")


def _first_line(path: Path, tells: Callable[[bytes], bool]) -> int | None:
    with path.open("rb") as file:
        return next((number for number, line in enumerate(file, 1) if tells(line)), None)


def _passwords() -> Iterator[str]:
    path = Path(os.environ.get("TENURE_KEYS", ".tenure/keys")) / "passwords.json"
    if path.is_file():
        yield from json.loads(path.read_bytes()).values()


def _metrics(estate: Estate, tally: Tally) -> None:
    silent = []
    for service in SERVICES:
        url = os.environ.get(f"TENURE_{service.upper()}_URL", "")
        try:
            said = httpx.get(f"{url}/metrics", timeout=ANSWER_SECONDS_MAX, trust_env=False).content
        except (httpx.HTTPError, httpx.InvalidURL):
            silent.append(service)
            continue
        tally.looked()
        if estate.published.canaries.in_bytes(said):
            tally.fail("metrics that tell what was planted", service)
    if silent:
        tally.note(f"the metrics of {', '.join(silent)} were not there to look through")
