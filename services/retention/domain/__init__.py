"""Retention's rules: pure functions from facts and a pack to dates. No clock, no database, no Kafka."""

from services.retention.domain.ages import Aged
from services.retention.domain.decided import decision_fact
from services.retention.domain.derivation import Linked, derivation
from services.retention.domain.facts import (
    Fact,
    Nominal,
    alive,
    basis,
    on_date_of,
)
from services.retention.domain.fold import Folded, counting, counts_from, fold, groups, of_one, person_of, together
from services.retention.domain.identity import Gifts, Merge, One, Waiting, identify, read_said, tied
from services.retention.domain.persons import Person, of_person
from services.retention.domain.records import Given, OfRecord, Side, of_record, side_bytes, side_from
from services.retention.domain.schedule import Schedule, of_schedule
from services.retention.domain.traits import EmptyScope, Holdable, Scope, Traits, matches, traits_of

__all__ = [
    "Aged",
    "EmptyScope",
    "Fact",
    "Folded",
    "Gifts",
    "Given",
    "Holdable",
    "Linked",
    "Merge",
    "Nominal",
    "OfRecord",
    "One",
    "Person",
    "Schedule",
    "Scope",
    "Side",
    "Traits",
    "Waiting",
    "alive",
    "basis",
    "counting",
    "counts_from",
    "decision_fact",
    "derivation",
    "fold",
    "groups",
    "identify",
    "matches",
    "of_one",
    "of_person",
    "of_record",
    "of_schedule",
    "on_date_of",
    "person_of",
    "read_said",
    "side_bytes",
    "side_from",
    "tied",
    "together",
    "traits_of",
]
