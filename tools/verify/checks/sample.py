"""I4: records of each kind, some of each, dated anew by plain rules of the verifier's own."""

from collections import Counter
from typing import Any, NamedTuple

from tools.verify.dating.book import Book
from tools.verify.dating.judged import KINDS, Judge
from tools.verify.dating.told import NotJudged
from tools.verify.dating.versions import packs_until
from tools.verify.dating.world import load
from tools.verify.estate import Estate
from tools.verify.findings import Tally

SAMPLE_MAX = 500  # Of each kind.
AT_ONCE = 100

# Where each kind is to be found; {start} is a key that moves with the day, so that another day looks at others.
_FOUND = {
    "merged": """SELECT record_key FROM (SELECT root FROM person_schedule WHERE root <> nominal_key) m
        JOIN person_schedule p USING (root) JOIN link USING (nominal_key)""",
    "in case files": "SELECT part_key AS record_key FROM part UNION ALL SELECT file_key FROM part",
    "withdrawn": "SELECT record_key FROM schedule WHERE cause = 'withdrawn'",
    "permanent": "SELECT record_key FROM schedule WHERE state = 'permanent'",
    "by another record's group": """SELECT record_key FROM link JOIN person_schedule p USING (nominal_key)
        WHERE offending AND link.grp IS DISTINCT FROM p.grp""",
    "of several states": """SELECT record_key FROM fact WHERE kind = 'record_state' AND record_key IS NOT NULL
        GROUP BY record_key HAVING count(*) > 1""",
    "other": "SELECT record_key FROM schedule",
}
_SAMPLE = """
(SELECT record_key FROM ({found}) f WHERE record_key >= %(start)s ORDER BY record_key LIMIT %(most)s)
UNION ALL (SELECT record_key FROM ({found}) f WHERE record_key < %(start)s ORDER BY record_key LIMIT %(most)s)
LIMIT %(most)s"""
_LAST = "SELECT coalesce(max(record_key), 0) + 1 FROM record"
_STORED = """
SELECT record_key, state, keep_until, grp, row_id, pack FROM schedule
WHERE record_key = ANY(%s) AND lifecycle NOT IN ('executed', 'shredded', 'disposed')"""
_IN_FORCE = "SELECT pack_hash FROM in_force ORDER BY turn DESC LIMIT 1"
# Parts that wait for their file, with their own day and the file's.
_BOUND = """
SELECT p.part_key, s.keep_until, p.until, f.keep_until, f.row_id, f.pack
FROM part p JOIN schedule s ON s.record_key = p.part_key JOIN schedule f ON f.record_key = p.file_key
WHERE p.binds AND p.now AND NOT p.gone AND s.state <> 'exception' AND f.state <> 'exception'
    AND (s.keep_until < f.keep_until OR f.keep_until < p.until OR (s.keep_until IS NOT NULL AND f.keep_until IS NULL))
    AND NOT EXISTS (SELECT FROM dirty d WHERE d.record_key IN (p.part_key, p.file_key))"""


class _Stored(NamedTuple):
    state: str
    keep_until: Any
    group: str | None
    row: str | None
    pack: str


def check(estate: Estate, tally: Tally) -> None:
    """Date some records of each kind anew, and hold every case file against its parts."""
    estate.progress.at("I4 looks at whole case files")
    for key, part_until, own_until, file_until, row, pack in estate.retention.stream(_BOUND):
        if part_until and (file_until is None or part_until < file_until):
            tally.fail("parts that would go before their case file", f"record {key}")
        elif own_until and file_until and file_until < own_until and _whole(estate, pack, row):
            tally.fail("case files that would go before a part's own day", f"record {key}")
    count, left = Counter[str](), Counter[str]()
    wanted = sorted(_chosen(estate))
    for at in range(0, len(wanted), AT_ONCE):
        estate.progress.at("I4 dates records of each kind anew,", at)
        _judge(estate, tally, wanted[at : at + AT_ONCE], count, left)
    tally.looked(len(wanted) - left.total())
    tally.note("dated anew, by kind: " + ", ".join(f"{count[kind]:,} {kind}" for kind in KINDS))
    for why, number in sorted(left.items()):
        tally.note(f"{number:,} {why}: not dated anew")


def _whole(estate: Estate, pack: str, row: str | None) -> bool:
    """Say whether a case file's rule is one for the whole."""
    rule: dict[str, Any] = next((each for each in estate.packs[pack]["row"] if each["id"] == row), {})
    return "case_file" in (rule.get("unit"), rule.get("follows"))


def _chosen(estate: Estate) -> set[int]:
    last = estate.retention.one(_LAST)
    given = {"start": estate.now.toordinal() * 7_919 % last, "most": SAMPLE_MAX}
    return {row[0] for found in _FOUND.values() for row in estate.retention.rows(_SAMPLE.format(found=found), given)}


def _judge(estate: Estate, tally: Tally, keys: list[int], count: Counter[str], left: Counter[str]) -> None:
    world = load(estate.retention, keys)
    stored = {row[0]: _Stored(*row[1:]) for row in estate.retention.rows(_STORED, [keys])}
    books = {pack: Book(packs_until(estate, pack)) for pack in {each.pack for each in stored.values()}}
    judges = {pack: Judge(world, book) for pack, book in books.items()}
    last = estate.retention.one(_IN_FORCE)
    for key in keys:
        try:
            if key not in stored:
                raise NotJudged("gone, or named and not come")
            _one(judges[stored[key].pack], key, stored[key], last, tally, count)
        except NotJudged as why:
            left[str(why)] += 1


def _one(judge: Judge, key: int, stored: _Stored, last: str | None, tally: Tally, count: Counter[str]) -> None:
    if last not in (None, stored.pack) and judge.book.rows.get(stored.row or "", {}).get("follows") == "mopi":
        raise NotJudged("that an earlier pack dated by their persons")
    judged = judge.judge(key)
    expected = judged.dated.shown()
    if stored.state == "exception" and expected[0] != "exception":
        raise NotJudged("that are exceptions for what is not looked at here")
    count.update(judged.kinds)
    found = (stored.state, stored.keep_until, stored.group)
    if (expected[0], found[0]) != ("exception", "exception") and found != expected:
        said = f"is {found[0]} until {found[1]}, by its facts {expected[0]} until {expected[1]}"
        tally.fail(f"records {judged.kinds[0]} that the facts date otherwise", f"record {key} {said}")
