"""A record's states: every one ever registered, those that count, and the one that shows, moved or not."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.retention.domain.classes import Placed, place
from services.retention.domain.clocks import Clock, Inputs, clock_of, occurrences
from services.retention.domain.dates import Dates, dates_of
from services.retention.domain.facts import (
    Fact,
    Nominal,
    RecordState,
    alive,
    happened_on,
    newest,
    of_kind,
    record_state,
    revised_on,
)
from services.retention.domain.overrides import Move, moves_of
from services.retention.domain.suppliers import moved_clock
from services.retention.domain.unlinked import unlinked_of, without
from shared.policy import Pack, Row


class State(msgspec.Struct, frozen=True):
    """One state, read and placed."""

    fact: Fact
    body: RecordState
    dates: Dates
    placed: Placed


class History(NamedTuple):
    """A record's states: every one ever registered, those not withdrawn, and the one that shows its dates."""

    states: list[State]
    counting: list[State]
    shown: State
    live: list[Fact]
    moves: Sequence[Move] = ()
    """Those by which the state that shows is in its class; `first` is the row it had before them."""
    first: Row | None = None
    was: str | None = None
    """The class that the pack gives it, before any move."""
    gone: Mapping[UUID, int] = {}
    """Who was unlinked from it, up to which sequence."""

    @property
    def withdrawn(self) -> bool:
        """Whether the record as a whole is withdrawn as entered in error."""
        return not self.counting

    def first_named(self, named: Callable[[State], set[Nominal]]) -> dict[Nominal, date]:
        """Give the first day on which a state that counts came and names somebody, of each whom one does."""
        came: dict[Nominal, date] = {}
        for state in self.counting:
            if on := state.fact.received_on:
                came |= {nominal: min(came.get(nominal, on), on) for nominal in named(state)}
        return came


def read_history(facts: Sequence[Fact], pack: Pack) -> History | None:
    """Read and place every state of a record; None where there is none."""
    live = alive(facts)
    registered = of_kind(facts, "record_state")
    received = min((fact.received_on for fact in registered if fact.received_on), default=None)
    gone = unlinked_of(facts)
    states = [state for fact in registered if (state := _read(fact, received, pack, gone))]
    if not states:
        return None
    standing = of_kind(live, "record_state")
    top = newest(standing)
    alive_ids = {fact.event_uid for fact in standing}
    current = next((state for state in states if top and state.fact.event_uid == top.event_uid), None)
    counting = [state for state in states if state.fact.event_uid in alive_ids] if current else []
    shown = current or max(states, key=lambda state: (state.fact.sequence, state.fact.event_uid))
    dated = msgspec.structs.replace(shown, dates=shown.dates | _marks(counting or states, live, pack))
    return _moved(History(states, counting, dated, live, (), shown.placed.row, _class(shown), gone), pack)


def _marks(states: Sequence[State], live: Sequence[Fact], pack: Pack) -> Dates:
    """Find when the record was last revised, and when a reviewer first marked it."""
    revised = max((on for each in states if (on := revised_on(each.fact, pack))), default=None)
    marked = min((on for fact in of_kind(live, "marked") if (on := happened_on(fact, pack))), default=None)
    return {name: on for name, on in (("revised_on", revised), ("marked_on", marked)) if on}


def _class(state: State) -> str | None:
    return state.placed.klass.id if state.placed.klass else None


def _moved(history: History, pack: Pack) -> History:
    """Put the state that shows into the class to which a person moved the record, while that still stands."""
    shown = history.shown
    moves = moves_of(history.live, history.was, pack)
    if not moves:
        return history
    placed = place(shown.body, shown.dates, pack, moves[-1].to)
    return history._replace(shown=msgspec.structs.replace(shown, placed=placed), moves=moves)


def clock_of_record(history: History, inputs: Inputs, pack: Pack) -> Clock:
    """Start the clock of the record's row; of one that was moved, a clock that had started keeps its date."""
    row = history.shown.placed.row
    if not history.moves:
        return clock_of(row, inputs, pack) if row else Clock()
    rows = [place(history.shown.body, history.shown.dates, pack, move.to).row for move in history.moves]
    return moved_clock(history.first, history.moves, rows, inputs, pack)


def _read(fact: Fact, received: date | None, pack: Pack, gone: Mapping[UUID, int]) -> State | None:
    body = record_state(fact)
    if body is not None and gone:
        body = without(body, fact.sequence, gone)
    if body is not None and body.record_type is None and (told := pack.type_of(body)):
        body = msgspec.structs.replace(body, record_type=told)
    if body is None:
        return None
    dates = dates_of(body, received, pack)
    return State(fact, body, dates, place(body, dates, pack))


def inputs_of(history: History, pack: Pack) -> Inputs:
    """Gather what the clocks and floors of a record read: by the state that shows, and by all that befell it."""
    shown = history.shown
    offenders = frozenset((link.nominal_source, link.nominal_id) for link in shown.placed.offenders)
    return Inputs(shown.dates, shown.body.metadata or {}, occurrences(history.live, pack), offenders)
