"""When whoever is on a record came to notice by it: by its dates, and by what befell it."""

from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from services.retention.domain.dates import first_of
from services.retention.domain.facts import Fact, Nominal, happened_on, happening, of_kind
from services.retention.domain.history import History, State
from shared.calendar_rules import Period, add
from shared.policy import Pack


def noticed(state: State) -> list[date]:
    """List when its offenders came to notice by it: the first date of each row that counts."""
    lists = [row.notice or [each.name for each in row.clock] for row in state.placed.counting_rows]
    return [on for names in lists if (on := first_of(names, state.dates))]


def of_triggers(live: Sequence[Fact], pack: Pack) -> tuple[date | None, dict[Nominal, date]]:
    """Find the last qualifying trigger that names nobody, so counts for all, and each person's own."""
    common: date | None = None
    own: dict[Nominal, date] = {}
    for _, nominal, on in qualifying(live, pack):
        if nominal is None:
            common = max(common or on, on)
        else:
            own[nominal] = max(own.get(nominal, on), on)
    return common, own


def qualifying(live: Sequence[Fact], pack: Pack) -> Iterator[tuple[UUID, Nominal | None, date]]:
    """List the triggers by which somebody came to notice: the fact, whom it names, the day."""
    for fact in of_kind(live, "trigger"):
        what, on = happening(fact), happened_on(fact, pack)
        known = pack.triggers.get(what.trigger or "")
        if on and known and known.qualifying and (not known.values or what.value in known.values):
            named = what.nominal_id is not None
            yield fact.event_uid, (what.nominal_source or "", what.nominal_id or "") if named else None, on


def last_day_before(history: History, pack: Pack) -> date | None:
    """Give the last day that its own facts gave a record which was then withdrawn as entered in error.

    That is the clear period of its group since its offenders last came to notice by it. Of a group that goes by age
    the record itself knows no day: that of its first review stands for it.
    """
    placed = history.shown.placed
    group = pack.groups.get(placed.group or "")
    if group is None or not (history.withdrawn and placed.counts):
        return None
    common, own = of_triggers(history.live, pack)
    theirs = [own.get((link.nominal_source, link.nominal_id)) for link in placed.offenders]
    noticed_on = max((on for on in (*noticed(history.shown), common, *theirs) if on), default=None)
    period = group.clear or group.cadence or Period()
    return add(noticed_on, period, pack.leap) if theirs and noticed_on else None
