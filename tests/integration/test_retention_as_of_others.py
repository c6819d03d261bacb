"""Any day, as known at any instant, where other records and other persons bear on it: references, merges, answers."""

from datetime import date

import pytest
from msgspec.structs import replace

from services.retention.actions import as_of, identities
from services.retention.actions.case_told import standing
from services.retention.actions.identities import Said
from services.retention.domain.as_of import When
from services.retention.storage import identities as stored
from shared.db import driver, transaction
from shared.errors import NotFound
from tests.integration.test_retention_as_of import TODAY, at, engine, learn, now, then
from tests.make_facts import PACK
from tests.make_registered import (
    contact,
    distinguished,
    merged,
    on_day,
    record_state,
    ref,
    suspect,
    trigger,
    uid,
    unmerged,
    withdrawal,
)

__all__ = ["engine"]

ALONE, MOVED = date(2028, 8, 2), date(2030, 5, 6)
OF = [{"source_system": "crime", "source_record_id": "case", "kind": "evidence_of"}]
LINKS = [suspect("p1")]
EVIDENCE, NO_MORE = record_state(links=LINKS, related=OF), record_state("r1", 2, links=LINKS)
LATER = replace(NO_MORE, time="2025-02-01T10:00:00Z")
CASE = [record_state("case"), trigger("t1", "case", "2024-05-06", "charged")]
TWO = [record_state("r1", links=LINKS), record_state("r2", links=[suspect("p2")])]
ONE, TWO_AGAIN = on_day(merged(), 5), on_day(unmerged(), 9)
BETWEEN = on_day(record_state("r3", links=[suspect("p2")], reported_at="2024-05-06T10:00:00Z"), 7)
MEANT = on_day(contact("c1", "p1", "2024-05-06"), 7)


async def until(engine, record="r1", **when):
    return (await then(engine, record, **when))["keep_until"]


async def test_a_reference_that_is_no_more_is_seen_where_it_still_was(engine):
    await learn(engine, at(1), EVIDENCE, *CASE)
    assert (await now(engine))["keep_until"] == MOVED
    await learn(engine, at(6), NO_MORE)
    assert (await now(engine))["keep_until"] == ALONE
    assert await until(engine) == ALONE
    assert await until(engine, known_at=at(5)) == MOVED
    assert await until(engine, known_at=at(5), on=date(2024, 5, 5)) == ALONE


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the earlier state came late"])
async def test_a_reference_of_an_earlier_state_counts_for_the_days_of_that_state(engine, late):
    first, second = (LATER, EVIDENCE) if late else (EVIDENCE, LATER)
    await learn(engine, at(1), *CASE, first)
    await learn(engine, at(6), second)
    assert await until(engine) == ALONE
    assert await until(engine, on=date(2025, 1, 31)) == MOVED
    assert await until(engine, on=date(2025, 2, 1)) == ALONE


async def test_what_a_reference_that_is_no_more_passed_can_have_been_withdrawn_since(engine):
    await learn(engine, at(1), EVIDENCE, *CASE)
    await learn(engine, at(3), withdrawal(CASE[-1]))
    await learn(engine, at(6), NO_MORE)
    assert await until(engine, known_at=at(2)) == MOVED
    assert await until(engine, known_at=at(4)) == ALONE


async def test_a_reference_made_again_passes_again(engine):
    await learn(engine, at(1), EVIDENCE, *CASE)
    await learn(engine, at(2), NO_MORE)
    await learn(engine, at(3), record_state("r1", 3, links=LINKS, related=OF))
    assert (await now(engine))["keep_until"] == MOVED
    assert await until(engine, known_at=at(2, 15)) == ALONE


async def test_a_link_made_while_two_were_one_counts_for_whom_it_names(engine):
    await learn(engine, at(1), *TWO)
    await learn(engine, at(2), ONE)
    await learn(engine, at(3), BETWEEN)
    await learn(engine, at(6), TWO_AGAIN)
    found = {
        "before": [await until(engine, each, known_at=at(1, 15)) for each in ("r1", "r2")],
        "as one": [await until(engine, each, known_at=at(4)) for each in ("r1", "r2", "r3")],
        "two again": [await until(engine, each) for each in ("r1", "r2", "r3")],
        "on a day between": [await until(engine, each, on=date(2025, 4, 1)) for each in ("r1", "r2", "r3")],
    }
    two = [ALONE, MOVED, MOVED]
    assert list(found.values()) == [[ALONE] * 2, [MOVED] * 3, two, two], found


async def test_a_person_of_then_has_the_members_of_then(engine):
    await learn(engine, at(1), *TWO, ONE)
    await learn(engine, at(3), BETWEEN)
    await learn(engine, at(6), TWO_AGAIN)

    async def person(name, **when):
        async with transaction(engine) as connection:
            asked = When(when.get("on"), when.get("known_at"))
            return (await as_of.nominal_then(connection, ref(name), asked, PACK, (TODAY, 0, 9)))[0]

    one = await person("p1", known_at=at(4))
    assert (set(one["members"]), one["keep_until"]) == ({ref("p1"), ref("p2")}, MOVED)
    apart = [await person(name, on=date(2025, 4, 1)) for name in ("p1", "p2")]
    assert [each["members"] for each in apart] == [[ref("p1")], [ref("p2")]]
    assert [each["keep_until"] for each in apart] == [date(2028, 8, 1), MOVED]
    assert [len(each["records"]) for each in apart] == [1, 2]


async def test_what_a_steward_said_holds_for_the_days_before_they_said_it(engine):
    await learn(engine, at(1), *TWO, ONE)
    await learn(engine, at(3), MEANT)
    await learn(engine, at(6), TWO_AGAIN)
    async with transaction(engine) as connection:
        [question] = await stored.page(connection, "waiting", None, 9)
        await identities.assign(connection, question, Said(ref("p2"), None), "D-DS1", date(2025, 7, 1), at(7))
    await learn(engine, at(7))
    both = [[await until(engine, each, **when) for each in ("r1", "r2")] for when in LOOKS]
    assert both == [[ALONE, MOVED], [ALONE, MOVED], [MOVED, MOVED]]


LOOKS = [{}, {"on": date(2024, 6, 1)}, {"on": date(2024, 6, 1), "known_at": at(6, 15)}]


async def test_who_was_told_apart_never_was_one_once_that_is_known(engine):
    await learn(engine, at(1), *TWO, ONE)
    await learn(engine, at(6), replace(distinguished(), time="2025-06-01T10:00:00Z"))
    looks = [{}, {"on": date(2024, 6, 1)}, {"on": date(2024, 6, 1), "known_at": at(5)}]
    assert [(await then(engine, **when))["problem"] for when in looks] == ["told_apart", "told_apart", None]


async def test_what_others_pass_to_a_record_is_in_its_explanation(engine):
    evidence = record_state("r1", record_type="evidence", offences=[], metadata={"subtype": "prosecution"}, related=OF)
    await learn(engine, at(1), evidence, record_state("case"))
    assert "The clock has not started" in " ".join((await now(engine))["sentences"])
    await learn(engine, at(2), trigger("t1", "case", "2024-04-06", "charged"))
    await learn(engine, at(2), trigger("t2", "case", "2024-05-06", "acquitted"))
    for said in ((await now(engine))["sentences"], (await then(engine, known_at=at(3)))["sentences"]):
        assert "The clock starts on 6 May 2024." in said
        assert any(each.startswith("The floor cpia reaches to 6 May 2024") for each in said)
        assert not any("no day yet" in each or "not started" in each for each in said), said


async def test_a_part_that_opened_its_file_again_is_in_the_file_s_explanation(engine):
    file = record_state("file", record_type="major_inquiry", offences=[])
    part = record_state("r1", part_of=["file"], created_on="2024-06-01")
    await learn(engine, at(1), file, trigger("t1", "file", "2024-05-06", "closed"))
    assert "opened it again" not in " ".join((await now(engine, "file"))["sentences"])
    await learn(engine, at(2), part)
    async with transaction(engine) as connection:
        key = await (await driver(connection)).fetchval(
            "SELECT record_key FROM record WHERE record_uid = $1", uid("file")
        )
        filed = (await standing(connection, PACK, [key])).filed
    assert filed[key].opened_on == date(2024, 6, 1)
    for said in ((await now(engine, "file"))["sentences"], (await then(engine, "file", known_at=at(3)))["sentences"]):
        assert "A part of it is dated 1 June 2024, after it was closed, and so has opened it again." in said
        assert "The clock has not started: it waits for closed." in said


CAPTURED = replace(record_state(links=LINKS), time="2022-08-02T01:00:00Z")
IN_ERROR = replace(record_state("r1", 2, change="withdrawn"), time="2025-06-01T10:00:00Z")
AGAIN = replace(record_state("r1", 3, links=LINKS), time="2025-09-01T10:00:00Z")
DAY = date(2023, 1, 1)


async def stood(engine, **when):
    """Give what the record was on that day, and what its person was by it."""
    told = await then(engine, on=DAY, **when)
    async with transaction(engine) as connection:
        person, _ = await as_of.nominal_then(connection, ref("p1"), When(DAY, **when), PACK, (TODAY, 0, 20))
    return told["group"], told["cause"], person["group"], person["keep_until"]


COUNTED, NEVER_SO = ("G3", None, "G3", ALONE.replace(day=1)), (None, "withdrawn", None, None)


async def test_a_record_withdrawn_as_entered_in_error_never_counted_once_that_is_known(engine):
    await learn(engine, at(1), CAPTURED)
    await learn(engine, at(6), IN_ERROR)
    assert await stood(engine) == NEVER_SO
    assert await stood(engine, known_at=at(5)) == COUNTED


async def test_a_later_state_shows_that_the_record_always_counted(engine):
    """That it was entered in error was itself an error: by what is known now it counted on every day."""
    await learn(engine, at(1), CAPTURED)
    await learn(engine, at(6), IN_ERROR)
    await learn(engine, at(9), AGAIN)
    assert await stood(engine) == COUNTED
    assert await stood(engine, known_at=at(7)) == NEVER_SO
    assert (await then(engine, on=date(2025, 7, 1)))["group"] == "G3"


async def test_a_withdrawal_that_a_later_state_had_overtaken_counts_on_no_day(engine):
    await learn(engine, at(1), CAPTURED, AGAIN)
    await learn(engine, at(6), IN_ERROR)
    assert await stood(engine) == COUNTED


async def test_before_its_first_state_there_is_no_record_though_it_was_withdrawn(engine):
    await learn(engine, at(1), CAPTURED, IN_ERROR)
    with pytest.raises(NotFound, match="nothing of this record had happened"):
        await then(engine, on=date(2022, 8, 1))
