"""The estate that is measured on is the same each time, and what its facts say."""

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.estate import facts, filling, lives
from services.retention.domain import Fact, of_record

RECORDS = 20_000


@pytest.fixture(scope="module")
def drawn():
    return [life for at in range(0, RECORDS, 5_000) for life in lives.records_from(at, 5_000, RECORDS)]


def test_the_same_number_gives_the_same_life(drawn):
    assert list(lives.records_from(5_000, 5_000, RECORDS)) == drawn[5_000:10_000]
    assert list(lives.births_from(0, 100)) == list(lives.births_from(0, 100))


def test_one_nominal_has_a_thousand_records_and_others_have_a_heavy_tail(drawn):
    counts = Counter(number for life in drawn for number in life.nominals)

    assert counts.pop(lives.LARGE) == lives.LARGE_RECORDS
    ordered = sorted(counts.values(), reverse=True)
    assert ordered[0] > 50 * ordered[len(ordered) // 2]
    assert all(a >= b for a, b in pairwise(ordered))


def test_kinds_and_cliffs_have_their_shares(drawn):
    kinds = Counter(life.shape.kind for life in drawn)
    migrated = sum(life.shape.created_on in lives.CLIFFS for life in drawn)

    assert kinds[7] / RECORDS == pytest.approx(lives.KINDS[7].share, abs=0.004)
    assert migrated / RECORDS == pytest.approx(lives.CLIFF_SHARE, abs=0.01)


def test_a_records_bytes_name_it_and_its_nominals(drawn):
    shapes = facts.Shapes(filling.pack_of())
    for life in drawn[:200]:
        uid = facts.record_uid(life.number)
        canonical = shapes.canonical(life, uid)
        found = of_record([Fact(uid, "record_state", 0, canonical, received_on=lives.AS_OF)], shapes.pack)

        assert found is not None
        assert set(found.gives) == {("crime", f"p{number}") for number in life.nominals}
        assert set(found.gives.values()) <= {shapes.of(life.shape).given}
        assert found.side == shapes.of(life.shape).found.side
        assert str(uid).encode() in canonical
