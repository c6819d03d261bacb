"""How a case file's date is told: how many parts it has and which bind it, of a part which file binds it."""

from datetime import date

import pytest

from services.retention.actions.explain import Telling, explain_record, explain_then
from services.retention.domain.as_of import When
from services.retention.storage import parts
from shared.db import transaction
from tests.make_cases import PACK, closed, file, part
from tests.make_lifecycle import REAL, own_engines, take
from tests.make_registered import nominal_state, record_state, suspect, uid

LONG = {
    "record_type": "crime_report",
    "reported_at": "2030-01-02T10:00:00Z",
}  # Undetected: six years, so 2 January 2036.
FILE = [file(), closed(on="2022-09-01"), file("f2", record_type="a_folder"), closed("f2", "2023-09-01")]


@pytest.fixture
async def engine(database):
    async with own_engines(database) as (worker, _):
        yield worker


async def told(engine, record, **telling):
    async with transaction(engine) as connection:
        return await explain_record(connection, uid(record), PACK, Telling(**telling))


def steps(shown, *codes):
    codes = codes or ("part_of", "bound_by", "parts", "bound_by_part", "bound_by_more", "bound_by_none")
    return [step for step in shown["derivation"]["steps"] if step["code"] in codes]


async def both(engine, monkeypatch, record, **telling):
    """Give the telling of a record, the same where all is folded and where what settling wrote is read."""
    folded = await told(engine, record, **telling)
    with monkeypatch.context() as patched:
        patched.setattr("services.retention.actions.as_of.RECORDS_NOW_MAX", 0)
        stored = await told(engine, record, **telling)
    assert steps(stored) == steps(folded)
    return folded


async def test_a_file_says_how_many_parts_it_has_and_which_bind_it(engine, monkeypatch):
    await take(engine, *FILE, part("r1"), part("r2", **LONG), part("r3", **LONG), pack=PACK)
    shown = await both(engine, monkeypatch, "f1")
    binding = sorted([uid("r2"), uid("r3")])
    assert steps(shown) == [
        {"code": "parts", "count": 3},
        *({"code": "bound_by_part", "record": str(each), "until": "2036-01-02"} for each in binding),
    ]
    assert shown["keep_until"] == date(2036, 1, 2)
    assert f"Its part {binding[0]} must be kept until 2 January 2036, and so it binds the file." in shown["sentences"]


async def test_a_file_that_none_of_its_parts_binds_says_so(engine, monkeypatch):
    await take(engine, *FILE, part("r1"), pack=PACK)
    assert steps(await both(engine, monkeypatch, "f1")) == [{"code": "parts", "count": 1}, {"code": "bound_by_none"}]


async def test_a_part_says_which_of_its_files_binds_it(engine, monkeypatch):
    await take(engine, *FILE, part("r1", part_of=["f1", "f2"]), pack=PACK)
    shown = await both(engine, monkeypatch, "r1")
    assert steps(shown, "bound_by") == [{"code": "bound_by", "record": str(uid("f1"))}]
    assert {step["record"] for step in steps(shown, "part_of")} == {str(uid("f1")), str(uid("f2"))}
    assert steps(await both(engine, monkeypatch, "f2")) == [{"code": "parts", "count": 1}]


async def test_a_part_without_a_certain_date_binds_the_file(engine, monkeypatch):
    ageless = part("r3", links=[suspect("p1")], offences=["1"])
    await take(engine, *FILE, part("r2"), ageless, pack=PACK)
    shown = await both(engine, monkeypatch, "f1")
    assert steps(shown, "bound_by_part") == [{"code": "bound_by_part", "record": str(uid("r3")), "undated": True}]
    assert f"Its part {uid('r3')} has no certain date, and so the file has none." in shown["sentences"]


async def test_of_very_many_parts_some_are_named_and_all_are_paged(engine, monkeypatch):
    await take(engine, *FILE, *(part(f"r{n}", **LONG) for n in range(45)), part("other"), pack=PACK)
    found = steps(await both(engine, monkeypatch, "f1"))
    assert found[0] == {"code": "parts", "count": 46}
    assert [step["code"] for step in found[1:]] == ["bound_by_part"] * 20 + ["bound_by_more"]
    after, seen = 0, []
    async with transaction(engine) as connection:
        while page := await parts.asking_page(connection, uid("f1"), after, 20):
            after = page[-1][0]
            seen += [(part_id, share.until) for _, part_id, share in page]
    assert len(seen) == len(set(seen)) == 46
    assert [part_id for part_id, until in seen if until < date(2036, 1, 2)] == [uid("other")]


async def test_a_birthday_that_binds_a_file_is_told_by_its_year_alone_where_third_persons_are_left_out(
    engine, monkeypatch
):
    born = nominal_state("p1", date_of_birth="1980-02-29")
    await take(engine, *FILE, part("r1", links=[suspect("p1")], offences=["1"]), part("r2"), born, pack=PACK)
    assert (await told(engine, "f1"))["keep_until"] == date(2080, 2, 29)
    for record in ("f1", "r2"):
        hidden = await both(engine, monkeypatch, record, leave_out=True)
        assert "2080-02-29" not in repr(hidden)
        assert "2080, 2, 29" not in repr(hidden)
        assert "29 February" not in repr(hidden)
        assert "So it is kept until a day in 2080" in hidden["sentences"][-2]


async def test_a_look_back_tells_of_the_parts_of_then(engine):
    await take(engine, *FILE, part("r1"), record_state("r2", 1, **LONG), part("r2", 2, **LONG), pack=PACK)
    async with transaction(engine) as connection:
        shown = await explain_then(connection, uid("f1"), When(date(2026, 1, 1)), PACK, REAL.date(), Telling())
    assert steps(shown)[0] == {"code": "parts", "count": 2}
