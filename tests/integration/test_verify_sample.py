"""The verifier's own dates: none is wrong of any random life, and one that is spoilt is found, whatever its kind."""

import asyncio
import tomllib
from dataclasses import replace

import pytest

from shared.policy import read_pack
from tests.integration.test_retention_oracle import keep, settled, told
from tests.integration.test_verify_overdue import estate, tamper
from tests.make_cases import TEXT, closed, file, part
from tests.make_facts import POLICY_TEXT
from tests.make_lifecycle import own_engines, take
from tests.make_registered import contact, merged, nominal_state, record_state, suspect, trigger, uid
from tests.oracle.draw import life
from tests.oracle.lives import apart
from tests.oracle.packs import PACKS
from tests.oracle.program import DECIDED
from tools.verify.checks import sample
from tools.verify.dating.judged import KINDS
from tools.verify.dating.world import RECORDS_OF_A_PERSON_MAX
from tools.verify.findings import Tally

PACK = read_pack(TEXT, "case files")
LIVES = 300
OTHERWISE = "records {} that the facts date otherwise"
SPOIL = """
UPDATE schedule s SET keep_until = '2090-01-01', state = 'current' FROM record r
WHERE r.record_key = s.record_key AND r.record_uid = '{}'"""
ONE_OF_EACH = [
    record_state("plain"),
    record_state("corrected", 1),
    record_state("corrected", 2, reported_at="2023-02-01T10:00:00Z"),
    record_state("milder since", 1, links=[suspect("p5")], offences=["5/1"]),
    record_state("milder since", 2, links=[suspect("p5")]),
    record_state("mild", links=[suspect("p1")]),
    record_state("grave", links=[suspect("p1")], offences=["1"]),
    nominal_state("p1", date_of_birth="1980-02-29"),
    record_state("seen again", links=[suspect("p6")]),
    contact("c1", "p6", "2025-05-06"),
    record_state("charged", links=[suspect("p7")]),
    trigger("t1", "charged", "2025-05-06"),
    record_state("taken back", 1, links=[suspect("p2")]),
    record_state("taken back", 2, change="withdrawn"),
    record_state("for ever", record_type="command_minutes"),
    file("f1"),
    closed("f1", "2024-05-06"),
    part("in file"),
    part("exhibit", record_type="a_exhibit"),
    record_state("one's", links=[suspect("p3")]),
    record_state("other's", links=[suspect("p4")], reported_at="2024-05-06T10:00:00Z"),
    merged("m1", "p4", "p3"),
]


def verified(engine, text=TEXT):
    tally = Tally()
    with estate(engine.url.render_as_string(hide_password=False), packs=tomllib.loads(text.decode())) as seen:
        sample.check(seen, tally)
    return tally


def counted(tally):
    """Give how many of each kind were dated anew."""
    shown = tally.notes[0].removeprefix("dated anew, by kind: ")
    return {kind: int(number) for number, kind in (each.split(" ", 1) for each in shown.split(", "))}


def files(rng):
    """Make files of each kind, some closed after all their parts were dated, with parts of each kind in one or two."""
    kinds = ["a_investigation", "a_enquiry", "a_folder"]
    for n in range(30):
        yield file(f"f{n}", record_type=kinds[n % 3])
        if rng.random() < 0.7:
            yield closed(f"f{n}", "2026-01-02")
    for n in range(120):
        day = f"20{rng.randrange(12, 26)}-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
        dated = {"created_on": day, "reported_at": f"{day}T10:00:00Z", "occurred_on": day}
        links = [suspect(f"p{rng.randrange(40)}")] * rng.randrange(2)
        type_ = rng.choice(["crime_report", "crime_report", "a_exhibit", "stop_and_search"])
        of = [f"f{each}" for each in rng.sample(range(30), rng.choice([1, 1, 2]))]
        yield part(f"r{n}", 1, of, record_type=type_, offences=[rng.choice(["28/11", "5/1"])], links=links, **dated)
        if rng.random() < 0.1:
            yield part(f"r{n}", 2, of, change="withdrawn")
    for n in range(0, 20, 2):
        yield merged(f"m{n}", f"p{n}", f"p{n + 1}")


def undecided(drawn):
    """Leave out of a life what people decided: what they did is not dated anew."""
    decided = {each.id for each in drawn.events if each.kind in DECIDED}
    return replace(drawn, events=tuple(each for each in drawn.events if not {each.id, each.of} & decided))


async def test_of_random_lives_it_finds_none_wrong(retention_engine, rng, seed):
    pack = PACKS["demonstration"]
    lives = [apart(undecided(life(f"{seed} {number}", pack)), f"{number}-") for number in range(LIVES)]
    await keep(retention_engine, [event for each in lives for event in told(each)], pack)
    while await settled(retention_engine, pack):
        await asyncio.sleep(0)
    tally = verified(retention_engine, POLICY_TEXT)
    assert tally.wrong == {}
    assert tally.checked > LIVES / 2  # Each has a record or more; what these rules do not date is about half.


async def test_of_case_files_and_merged_persons_it_finds_none_wrong(retention_engine, rng):
    await take(retention_engine, *files(rng), pack=PACK)
    tally = verified(retention_engine)
    assert tally.wrong == {}
    assert counted(tally)["in case files"] > 100


async def test_records_of_a_person_on_very_many_are_said_and_not_judged(retention_engine):
    many = RECORDS_OF_A_PERSON_MAX + 30
    await take(retention_engine, *[record_state(f"r{n}", links=[suspect("p1")]) for n in range(many)], pack=PACK)
    tally = verified(retention_engine)
    assert tally.wrong == {}
    assert f"{many} of persons on very many records" in " ".join(tally.notes)


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        await take(worker, *ONE_OF_EACH, pack=PACK)
        yield worker


async def test_each_kind_is_dated_anew(engine):
    tally = verified(engine)
    assert tally.wrong == {}
    assert counted(tally) == dict(zip(KINDS, (2, 3, 1, 1, 1, 2, 4), strict=True))
    assert tally.checked == len({event.record_id for event in ONE_OF_EACH if getattr(event, "record_id", None)})


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("one's", "merged"),
        ("exhibit", "in case files"),
        ("taken back", "withdrawn"),
        ("for ever", "permanent"),
        ("mild", "by another record's group"),
        ("corrected", "of several states"),
        ("grave", "other"),
    ],
)
async def test_one_that_is_spoilt_is_found_whatever_its_kind(engine, record, kind):
    await tamper(engine, SPOIL.format(uid(record)))
    tally = verified(engine)
    assert tally.wrong == {OTHERWISE.format(kind): 1}
    assert "is current until 2090-01-01, by its facts" in tally.examples[0]


@pytest.mark.parametrize(
    ("record", "day", "found"),
    [
        ("in file", "2030-01-01", "parts that would go before their case file"),
        ("f1", "2028-01-01", "case files that would go before a part's own day"),
    ],
)
async def test_a_case_file_that_is_pulled_apart_is_found(engine, record, day, found):
    await tamper(engine, SPOIL.format(uid(record)).replace("2090-01-01", day))
    assert verified(engine).wrong == {found: 1, OTHERWISE.format("in case files"): 1}


async def test_what_waits_to_be_settled_or_was_decided_is_said_and_not_judged(engine):
    await tamper(engine, "INSERT INTO dirty (nominal_key) SELECT nominal_key FROM person_schedule WHERE grp = 'G1'")
    await tamper(engine, SPOIL.format(uid("mild")))
    tally = verified(engine)
    assert tally.wrong == {}
    assert "2 not settled yet" in " ".join(tally.notes)
