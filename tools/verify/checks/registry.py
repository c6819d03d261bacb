"""Every invariant that can be measured here, in its order."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from shared.clock import monotonic
from shared.embedded import NOT_CHECKABLE, is_embedded
from tools.verify.checks import (
    accounts,
    arrivals,
    dated,
    disposals,
    facts,
    house,
    leaks,
    ledger,
    looked,
    messages,
    overdue,
    shredded,
    state,
    waiting,
)
from tools.verify.estate import Estate
from tools.verify.findings import Finding, NotCheckable, Tally


class Check(NamedTuple):
    """One invariant and how it is measured."""

    id: str
    title: str
    run: Callable[[Estate, Tally], None]
    by_ends: bool = False  # It counts messages one by one: only of a topic whose end is known, without aborted ones.


CHECKS = (
    Check("I1", "every arrival has its receipt", arrivals.check, by_ends=True),
    Check("I2", "both accounts close", accounts.check),
    Check("I3", "log, topics and state tables are one", messages.check, by_ends=True),
    Check("I4", "facts and schedules stand in the ledger", facts.check),
    Check("I5", "the state is the same in any order", state.check),
    Check("I6", "no record is undated and out of sight", dated.check),
    Check("I7", "nothing is past its day without a task, order, hold or reason", waiting.check),
    Check("I8", "no disposal early, groundless or under a hold", disposals.check),
    Check("I9", "nothing is left of what was shredded", shredded.check),
    Check("I10", "certificates, ledger, heads and checkpoints", ledger.check),
    Check("I11", "no deadline claimed by two, none waiting unseen", overdue.check_deadlines),
    Check("I12", "nothing planted in content is told elsewhere", leaks.check),
    Check("I13", "every view has who, why, reference and when", looked.check, by_ends=True),
    Check("I15", "topics, grants and key epochs as declared", house.check),
)
IDS = tuple(each.id for each in CHECKS)


def measure(estate: Estate, only: Collection[str]) -> list[Finding]:
    """Run the checks that are asked for, each on the same look."""
    return [_measured(estate, each) for each in CHECKS if not only or each.id in only]


def _measured(estate: Estate, check: Check) -> Finding:
    tally, began = Tally(), monotonic()
    try:
        if check.by_ends and is_embedded(estate.published.cluster):
            raise NotCheckable(NOT_CHECKABLE)
        check.run(estate, tally)
        found = tally.finding(check.id, check.title)
    except NotCheckable as error:
        found = Finding(check.id, check.title, "not_checkable", tally.checked, 0, [], str(error))
    return found._replace(seconds=monotonic() - began)
