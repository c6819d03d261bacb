"""All that dates some records, from raw tables: their case files, their persons, and every record naming those."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from tools.verify.dating.told import NotJudged, Raw
from tools.verify.tables import Schema

RECORDS_OF_A_PERSON_MAX = 200
IDENTITY = ("merged", "unmerged", "distinguished", "assigned")

_FAMILY = """
WITH RECURSIVE family(seed, k) AS (
    SELECT k, k FROM unnest(%s::bigint[]) k
    UNION
    SELECT f.seed, e.k FROM family f CROSS JOIN LATERAL (
        SELECT file_key AS k FROM part WHERE part_key = f.k
        UNION ALL SELECT part_key FROM part WHERE file_key = f.k) e)
SELECT seed, k FROM family"""
_TIED = """
WITH RECURSIVE tied(seed, k) AS (
    SELECT DISTINCT nominal_key, nominal_key FROM link WHERE record_key = ANY(%s)
    UNION
    SELECT t.seed, e.k FROM tied t CROSS JOIN LATERAL (
        SELECT other_key AS k FROM fact WHERE nominal_key = t.k AND kind = 'merged' AND other_key IS NOT NULL
        UNION ALL SELECT nominal_key FROM fact WHERE other_key = t.k AND kind = 'merged') e)
SELECT seed, k FROM tied"""
_NAMING = """
SELECT k, l.record_key FROM unnest(%s::bigint[]) k CROSS JOIN LATERAL (
    SELECT record_key FROM link WHERE nominal_key = k ORDER BY record_key LIMIT %s) l"""
_RECORDS = """
SELECT r.record_key, r.record_uid, r.executed_by IS NOT NULL,
    EXISTS (SELECT FROM dirty d WHERE d.record_key = r.record_key),
    EXISTS (SELECT FROM passed x WHERE x.to_key = r.record_key)
FROM record r WHERE r.record_key = ANY(%s)"""
_NOMINALS = """
SELECT n.nominal_key, n.nominal_ref, EXISTS (SELECT FROM dirty d WHERE d.nominal_key = n.nominal_key),
    EXISTS (SELECT FROM identity i WHERE i.nominal_key = n.nominal_key AND i.state <> 'settled')
FROM nominal n WHERE n.nominal_key = ANY(%s)"""
_FACTS = """
SELECT event_uid, kind, coalesce(record_key, nominal_key), other_key, sequence, withdraws, received_on, canonical,
    record_key IS NULL
FROM fact WHERE record_key = ANY(%s) OR nominal_key = ANY(%s)"""


class Subject(NamedTuple):
    """A record or a nominal: its id, whether it went, whether it is settled, and what else keeps it from judgement."""

    uid: UUID
    gone: bool
    dirty: bool
    apart: bool


class World(NamedTuple):
    """Some records with all that dates them, by the tables' keys."""

    family: Mapping[int, set[int]]
    tied: Mapping[int, set[int]]
    naming: Mapping[int, set[int]]
    records: Mapping[int, Subject]
    nominals: Mapping[int, Subject]
    of_record: Mapping[int, list[Raw]]
    of_nominal: Mapping[int, list[Raw]]

    def one(self, nominal: int) -> frozenset[int]:
        """Give all whom a nominal is, where merges that stand say so and nothing else was said of them."""
        tied = self.tied[nominal]
        if any(self.nominals[key].dirty for key in tied):
            raise NotJudged("not settled yet")
        said = [each for key in tied for each in self.of_nominal[key] if each.kind in IDENTITY]
        back = {each.withdraws for key in tied for each in self.of_nominal[key] if each.kind == "withdrawal"}
        plain = all(each.kind == "merged" and each.uid not in back for each in said) and len(said) < len(tied)
        if len(tied) > 1 and (not plain or any(self.nominals[key].apart for key in tied)):
            raise NotJudged("of persons whose identity was ever in doubt")
        return frozenset(tied)


def load(schema: Schema, seeds: Collection[int]) -> World:
    """Load all that dates some records; of a person whom very many records name no more than is needed to see that."""
    family = _grouped(schema.rows(_FAMILY, [list(seeds)]))
    members = {key for its in family.values() for key in its}
    tied = _grouped(schema.rows(_TIED, [list(members)]))
    nominals = list({key for its in tied.values() for key in its})
    naming = _grouped(schema.rows(_NAMING, [nominals, RECORDS_OF_A_PERSON_MAX + 1]))
    records = list(members.union(*naming.values()))
    of_record, of_nominal = _facts(schema.rows(_FACTS, [records, nominals]))
    known = {row[0]: Subject(*row[1:]) for row in schema.rows(_RECORDS, [records])}
    people = {key: Subject(uid, False, dirty, apart) for key, uid, dirty, apart in schema.rows(_NOMINALS, [nominals])}
    return World(family, tied, naming, known, people, of_record, of_nominal)


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for one, other in rows:
        found[one].add(other)
    return found


def _facts(rows: Iterable[tuple[Any, ...]]) -> tuple[dict[int, list[Raw]], dict[int, list[Raw]]]:
    of_record: dict[int, list[Raw]] = defaultdict(list)
    of_nominal: dict[int, list[Raw]] = defaultdict(list)
    for *values, canonical, of_person in rows:
        fact = Raw._make([*values, msgspec.json.decode(canonical)])
        (of_nominal if of_person else of_record)[fact.subject].append(fact)
    return of_record, of_nominal
