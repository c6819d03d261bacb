"""Does each account close, and which source has been silent for too long? Pure: no clock, no I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.intake.domain.deciding import OUTCOMES
from shared.policy import Source

TERMS = ("disposed", "transferred", "held", "on_order", "active")


class Account(NamedTuple):
    """One account of one source and day: what came, each in one term; `difference` is what the two ways disagree by."""

    received: int
    terms: Mapping[str, int]
    difference: int

    @property
    def closes(self) -> bool:
        """Whether each is counted once, in its own term."""
        return self.difference == 0


class Sign(NamedTuple):
    """When a source was last heard, and what it is overdue with: `events`, `manifests`."""

    source: Source
    last_event_at: datetime | None
    last_manifest_at: datetime | None
    overdue: tuple[str, ...]


def of_events(outcomes: Sequence[tuple[str, int, int]]) -> Account:
    """Make the account of events from (outcome, counted, came): the rows are what came, the counters its terms."""
    counted = {outcome: n for outcome, n, _ in outcomes}
    terms = {outcome: counted.get(outcome, 0) for outcome in {**dict.fromkeys(OUTCOMES), **counted}}
    return Account(sum(came for *_, came in outcomes), terms, sum(abs(n - came) for _, n, came in outcomes))


def of_records(captured: int, standing: Mapping[str, int]) -> Account:
    """Make the account of records: as many were captured as stand in one of the terms now."""
    terms = {term: standing[term] for term in TERMS}
    return Account(captured, terms, abs(captured - sum(terms.values())))


def sign_of(source: Source, last: Sequence[datetime | None], since: datetime, now: datetime) -> Sign:
    """Say what a source is overdue with; one that was never heard is waited for since the pack was first stored."""
    event, manifest = last
    waits: tuple[tuple[str, datetime | None, timedelta | None], ...] = (
        ("events", event, source.silent_after),
        ("manifests", manifest, source.manifest_every),
    )
    overdue = tuple(what for what, at, limit in waits if limit is not None and now - (at or since) > limit)
    return Sign(source, event, manifest, overdue)
