"""A record's only state is worked out once: as it comes in, and not again when it is settled."""

import dataclasses
from datetime import UTC, datetime

import msgspec
import pytest

from services.retention.actions.lately import KEPT_MAX, Lately
from services.retention.domain import of_record
from tests.make_facts import PACK, intelligence, link, state, stop, trigger, undetected

KNOWN = datetime(2022, 8, 3, tzinfo=UTC)


@pytest.fixture
def lately():
    return Lately()


def stored(fact):
    """Give a fact as it is read from the table: by its record's key, and since when it is known."""
    return msgspec.structs.replace(fact, subject=7, known_at=KNOWN)


@pytest.mark.parametrize("fact", [state(), state(links=[link()]), undetected(), stop(), intelligence()])
def test_what_was_kept_is_what_the_stored_fact_says(lately, fact):
    kept = lately.keep(fact, PACK)
    assert lately.of_record([stored(fact)], PACK) is kept
    assert kept == of_record([stored(fact)], PACK)


def test_it_is_handed_out_once(lately):
    fact = state()
    kept = lately.keep(fact, PACK)
    assert lately.of_record([fact], PACK) is kept
    assert lately.of_record([fact], PACK) is not kept
    assert not lately.kept


def test_a_fact_beside_it_has_the_record_worked_out_anew(lately):
    fact = state(links=[link()])
    kept = lately.keep(fact, PACK)
    assert lately.of_record([fact, trigger()], PACK) == of_record([fact, trigger()], PACK) != kept


@pytest.mark.parametrize("change", [{"sequence": 2}, {"received_on": None}, {"canonical": state().canonical + b" "}])
def test_another_fact_by_the_same_id_is_worked_out(lately, change):
    fact = state()
    kept = lately.keep(fact, PACK)
    assert lately.of_record([msgspec.structs.replace(fact, **change)], PACK) is not kept


def test_what_another_pack_gave_counts_no_more(lately):
    fact, other = state(), dataclasses.replace(PACK, mode="observe")
    kept = lately.keep(fact, PACK)
    assert other.hash == PACK.hash
    assert lately.of_record([fact], other) is not kept


def test_it_keeps_so_many_and_no_more(lately):
    first = state()
    kept = lately.keep(first, PACK)
    for _ in range(KEPT_MAX):
        lately.keep(state(), PACK)
    assert len(lately.kept) == KEPT_MAX
    assert lately.of_record([first], PACK) is not kept
