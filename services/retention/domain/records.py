"""What the facts of one record say: its own side of its schedule, and what it gives each person on it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from services.retention.domain.ages import roles_read
from services.retention.domain.casefiles import CLOSED, Ties, ties_of
from services.retention.domain.classes import accused
from services.retention.domain.clocks import Inputs, day_of_start, too_early
from services.retention.domain.dates import (
    conduct_on,
    contradictory,
    created_on,
    last_of,
)
from services.retention.domain.decided import decisions_of, lowered, said_again
from services.retention.domain.facts import (
    Fact,
    Nominal,
    RecordState,
)
from services.retention.domain.floors import floors_of, together
from services.retention.domain.grades import Grade, write_grades
from services.retention.domain.history import History, State, clock_of_record, inputs_of, read_history
from services.retention.domain.notices import last_day_before, noticed, of_triggers, qualifying
from services.retention.domain.overrides import overriding_row
from services.retention.domain.suppliers import UNFIT, Supplied, others_of
from services.retention.domain.traits import Traits, traits_of
from shared.ids import nominal_ref
from shared.policy import Pack, Start


class Given(msgspec.Struct, frozen=True):
    """What a record gives one person: the highest group any state gave, and by the current state the rest."""

    group: str | None = None
    notice_on: date | None = None
    grouped_on: date | None = None
    offending: bool = False
    since_on: date | None = None
    """When a state first came that names them as an offender; None: none does now."""
    conduct_on: date | None = None
    """The earliest day of what they are said to have done, as far as the record offends them now."""
    admitted: bool = False
    """Whether a review of the record said why it counts, however young they were."""
    aged: str = ""
    """The roles for which the record reads their birth date, one space between."""
    grades: str = ""
    """What each state gives, where the conduct is not the same by all: the group is then theirs that count."""
    unlinked: bool = False
    """They went from the record, and no later state names them."""
    accused_on: date | None = None
    """When a state first came that accuses them; None: none does now."""


class Side(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A record's own side of its schedule: with the persons, all that dates it."""

    class_id: str | None = None
    row: str | None = None
    created_on: date | None = None
    clock_on: date | None = None
    floor_until: date | None = None
    conduct_on: date | None = None
    retained_on: date | None = None
    """The last decision to retain this record alone."""
    next_on: date | None = None
    reviewed_on: date | None = None
    problem: str | None = None
    withdrawn: bool = False
    waits: bool = False
    """Nothing has happened yet that the row's clock starts at."""
    pending: str | None = None
    """A floor that something open keeps without a day."""
    others: tuple[Supplied, ...] = ()
    """The rules that apply beside that of its class."""
    bars_after: date | None = None
    """Of a case file that was closed: the last date that a part may have."""
    by_person: bool = False
    """It is physical: its end is a person's work, never time's alone."""
    lacks: str | None = None
    """What the row of its class lacks, which is nothing to a record that another rule dates."""
    happened: bool = False
    """Whether `conduct_on` is when it happened, not only when it was told of."""
    restricted: bool = False
    """By its source, or by a review."""
    own_until: date | None = None
    """Of one withdrawn as entered in error: the last day that its offenders gave it by its own facts."""


class OfRecord(msgspec.Struct, frozen=True):
    """All that the facts of one record say."""

    side: Side
    gives: dict[Nominal, Given]
    traits: Traits
    ties: Ties = Ties()
    gone: frozenset[UUID] = frozenset()
    """Who was unlinked from it, and is named by no later state."""


side_bytes = msgspec.json.Encoder().encode
_side = msgspec.json.Decoder(Side)


def side_from(stored: bytes) -> Side:
    """Read a record's side as it was stored."""
    return _side.decode(stored)


def of_record(facts: Sequence[Fact], pack: Pack) -> OfRecord | None:
    """Work out a record's side and what it gives each person; None while no state of it is known.

    The highest sequence counts. A withdrawn record keeps the dates of its highest state, groups
    nobody and moves no clock; a state with a higher sequence makes all of it count again.
    """
    pack = as_for(facts, pack)
    history = read_history(facts, pack)
    if history is None:
        return None
    gives = {
        (link.nominal_source, link.nominal_id): Given() for state in history.states for link in state.body.links or ()
    }
    bodies, shown = [state.body for state in history.states], history.shown
    ties = ties_of(bodies, shown.body, shown.dates, pack, withdrawn=history.withdrawn)
    given = _since(history, gives | _gives(history, pack), pack)
    gone = history.gone.keys() - {nominal_ref(*nominal) for nominal in given} if history.gone else frozenset[UUID]()
    return OfRecord(_side_of(history, pack), given, traits_of(bodies, pack), ties, frozenset(gone))


def as_for(facts: Sequence[Fact], pack: Pack) -> Pack:
    """Give the pack as it counts for a record, by when that was made and last reviewed alone."""
    history = read_history(facts, pack) if pack.former else None
    if history is None:
        return pack
    return pack.as_for(created_on(history.shown.dates), decisions_of(history.live, pack).reviewed_on)


def _since(history: History, gives: dict[Nominal, Given], pack: Pack) -> dict[Nominal, Given]:
    """Say since when each offender is known to be one, and whoever is accused to be so."""
    came = history.first_named(_named if _overridden_by_persons(history, pack) else _offenders)
    since = {
        nominal: msgspec.structs.replace(given, since_on=came.get(nominal)) if given.offending else given
        for nominal, given in gives.items()
    }
    blamed = history.first_named(lambda state: accused(state.body, pack))
    now = blamed.keys() & accused(history.shown.body, pack)
    return since | {nominal: msgspec.structs.replace(since[nominal], accused_on=blamed[nominal]) for nominal in now}


def _side_of(history: History, pack: Pack) -> Side:
    state = history.shown
    placed, dates = state.placed, state.dates
    row, inputs = placed.row, inputs_of(history, pack)
    clock = clock_of_record(history, inputs, pack)
    floors = together(floors_of(row, inputs, pack))
    impossible = _impossible(state, inputs, pack)
    decided = decisions_of(history.live, pack)
    return Side(
        class_id=placed.klass.id if placed.klass else None,
        row=row.id if row else None,
        created_on=created_on(dates),
        clock_on=clock.on,
        floor_until=floors.until,
        conduct_on=conduct_on(state.body, pack),
        retained_on=decided.retained_on,
        next_on=decided.next_on,
        reviewed_on=decided.reviewed_on,
        problem=placed.problem or impossible,
        lacks=UNFIT if placed.unfit else clock.problem or floors.problem,
        withdrawn=history.withdrawn,
        waits=clock.waits,
        pending=floors.pending,
        others=others_of(history, inputs, pack),
        bars_after=_closed_on(state.body, inputs, pack),
        by_person=state.body.medium == "physical",
        happened=bool(state.body.occurred_on),
        restricted=bool(state.body.restricted) or decided.outcome == "restrict",
        own_until=last_day_before(history, pack),
    )


def _closed_on(state: RecordState, inputs: Inputs, pack: Pack) -> date | None:
    """Find the day after which a closed case file takes no part, where a late part does not open it again."""
    known = pack.record_types.get(state.record_type or "")
    if CLOSED not in pack.triggers or (known and known.late_parts == "reopen"):
        return None
    return day_of_start(Start(CLOSED), inputs, pack)


def _impossible(state: State, inputs: Inputs, pack: Pack) -> str | None:
    """Name what cannot have been so; nothing is dated by guess."""
    if contradictory(state.body, inputs.dates, pack):
        return "contradictory_dates"
    return (
        "event_before_report"
        if too_early(inputs, conduct_on(state.body, pack) if state.body.occurred_on else None)
        else None
    )


def _gives(history: History, pack: Pack) -> dict[Nominal, Given]:
    given = {} if history.withdrawn else _to_offenders(history, pack)
    if not history.withdrawn and _overridden_by_persons(history, pack):
        # They date it, and it moves no date of theirs.
        named = _named(history.shown)
        given |= {who: msgspec.structs.replace(given.get(who, Given()), offending=True) for who in named}
    read = _roles(history, pack)
    if not read:
        return given
    roles: dict[Nominal, set[str]] = {}
    for link in history.shown.body.links or ():
        if link.role in read:
            roles.setdefault((link.nominal_source, link.nominal_id), set()).add(link.role)
    aged = {nominal: " ".join(sorted(its)) for nominal, its in roles.items()}
    return given | {
        nominal: msgspec.structs.replace(given.get(nominal, Given()), aged=words) for nominal, words in aged.items()
    }


def _roles(history: History, pack: Pack) -> frozenset[str]:
    """List the roles whose birth dates any of the record's rules reads."""
    placed = history.shown.placed
    rows = (placed.row, placed.source_row, overriding_row(history.live, pack))
    return frozenset[str]().union(*(roles_read(row, pack) for row in rows))


def _overridden_by_persons(history: History, pack: Pack) -> bool:
    row = overriding_row(history.live, pack)
    return row is not None and row.is_mopi


def _to_offenders(history: History, pack: Pack) -> dict[Nominal, Given]:
    gave: dict[Nominal, list[Grade]] = {}
    told = [(state.fact, state.body) for state in history.counting]
    reviewed = {ref: said_again(told, basis) for ref, basis in lowered(history.live).items()}
    # One that a person moved counts as it was sent, and as what it was moved to.
    for state in (*history.counting, history.shown) if history.moves else history.counting:
        on = min(noticed(state), default=created_on(state.dates))  # Since when at the earliest it is known.
        for nominal in _offenders(state):
            before_review = state.fact.event_uid in reviewed.get(nominal_ref(*nominal), ()) if reviewed else False
            group = None if before_review else state.placed.group
            gave.setdefault(nominal, []).append(Grade(group, conduct_on(state.body, pack), on))
    now, clock = _offenders(history.shown), last_of(*noticed(history.shown))
    common, own = of_triggers(history.live, pack)
    began = conduct_on(history.shown.body, pack)
    retained = decisions_of(history.live, pack).retained_on is not None
    found = {nominal: _given(entry, pack, began if nominal in now else None) for nominal, entry in gave.items()}
    came = {nominal: max((on for on in (clock, common, own.get(nominal)) if on), default=None) for nominal in now}
    return {
        nominal: msgspec.structs.replace(
            given,
            notice_on=came.get(nominal),
            offending=nominal in now,
            admitted=retained and (began is not None or given.grades != ""),
        )
        for nominal, given in found.items()
    }


def _offenders(state: State) -> set[Nominal]:
    return _named(state) if state.placed.counts else set()


def _named(state: State) -> set[Nominal]:
    return {(link.nominal_source, link.nominal_id) for link in state.placed.offenders}


def _given(entry: list[Grade], pack: Pack, began: date | None) -> Given:
    """Give the highest group of all states, and since when; beside it each state's own, where their conduct differs."""
    group = pack.highest(each.group for each in entry)
    since = min((each.since_on for each in entry if group and each.group == group and each.since_on), default=None)
    return Given(group, grouped_on=since, conduct_on=began, grades=write_grades(entry, began))


def grouping_facts(history: History, nominal: Nominal, group: str | None, on: date | None) -> list[UUID]:
    """Name the states of a record that put this person in a group on a day."""
    states = (*history.counting, history.shown) if history.moves else history.counting
    return [
        state.fact.event_uid
        for state in states
        if group and state.placed.group == group and on in noticed(state) and nominal in _offenders(state)
    ]


def notice_facts(history: History, nominal: Nominal, on: date, pack: Pack) -> list[UUID]:
    """Name the facts of a record by which this person came to notice on a day; one that does not count has none."""
    if not history.shown.placed.counts:
        return []
    found = [history.shown.fact.event_uid] if on in noticed(history.shown) else []
    return found + [uid for uid, whom, day in qualifying(history.live, pack) if day == on and whom in (None, nominal)]
