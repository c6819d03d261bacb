"""What time brings: records fall due, reviews are asked for at the pack's pace, what is settled otherwise goes back."""

from datetime import date, datetime
from typing import NamedTuple

from services.retention.actions import reviews as ask
from services.retention.actions.ledger import moved
from services.retention.actions.orders import advance
from services.retention.actions.own_ends import OWN_END, ahead, to_ask
from services.retention.actions.triggered import ask_again, triggered
from services.retention.domain.lifecycle import IN_HAND, overslept
from services.retention.storage import between_times, disposals, looking, orders, reviews, sweeping, wanted
from services.retention.storage.reviews import Subject
from shared.db import Connection
from shared.policy import Pack

CHECKED_PER_TICK_MAX = 200
HOLDERS = ("intake", "review")  # Who of us holds a copy, and so must answer before a record is disposed of.


class Surfaced(NamedTuple):
    """What one tick did."""

    due: int
    ordered: int
    reviewed: int


async def tick(connection: Connection, pack: Pack, today: date, now: datetime) -> Surfaced:
    """Bring before people what falls due today, at most the pack's number of reviews; the rest stays due, in order."""
    seen = await looking.look(connection, now, today, ahead(pack, today))
    if overslept(seen.ran_at, now):  # After more than 36 hours' sleep disposals wait for two people.
        await disposals.pause(connection, "late_tick", now)
    if not seen.anything:
        return Surfaced(0, 0, 0)
    room = pack.limits.reviews_per_tick_max
    await _back(connection, today, now, room)
    room -= await _wanted(connection, pack, today, now, room)
    surfaced = await reviews.surface(connection, today, pack.limits.reviews_per_tick_max)
    await moved(connection, "due", surfaced, None, now)
    await moved(connection, "restricted", await sweeping.restrict(connection, today, IN_HAND), None, now)
    ordered: list[int] = []
    reviewed = 0
    if pack.live and room > 0:
        subjects: list[Subject] = []
        if keys := await reviews.due(connection, today, room):
            ordered, subjects = await advance(connection, pack, keys, today, now)
        reviewed = len(subjects)
        reviewed += await _own_ends(connection, pack, today, now, room - reviewed)
        reviewed += await _between_times(connection, pack, today, now, room - reviewed)
    await ask.check(connection, today, now, pack, CHECKED_PER_TICK_MAX)
    return Surfaced(len(surfaced), len(ordered), reviewed)


async def _back(connection: Connection, today: date, now: datetime, limit: int) -> None:
    """Take back what new facts have moved on: its order is dropped, its review ended or never needed."""
    # Rows that settling writes are left for the next tick: it may wait for us, so we never wait for it.
    if past := await orders.not_due_any_more(connection, today, limit):
        over = sorted(await orders.lock_schedules(connection, past))
        decided = await orders.decided(connection, over)
        dropped = await orders.drop(connection, over, "not_due", now)
        await ask_again(connection, decided.intersection(dropped), "not_due", now)
        await moved(connection, "not_due", await orders.move(connection, over, "current", None), None, now)
    if stray := await reviews.stray(connection, today, limit):
        shown = await reviews.schedules(connection, stray)
        still = [key for key in stray if _due(shown[key], today)]
        await orders.move(connection, still, "due", "period_ended")
        await orders.move(connection, set(stray) - set(still), "current", None)


def _due(row: dict[str, object], today: date) -> bool:
    open_on = row["open_on"]
    return row["state"] == "current" and isinstance(open_on, date) and open_on <= today


async def _wanted(connection: Connection, pack: Pack, today: date, now: datetime, limit: int) -> int:
    """Open the triggered reviews that were asked for; one whose subject is busy is asked for again."""
    if not (wants := await wanted.take_wanted(connection, limit)):
        return 0
    done = await triggered(connection, pack, wants, today, now)
    for subject, cause in wants:
        if subject not in done:
            again = wanted.want if subject[0] == "record" else wanted.want_persons
            await again(connection, [subject[1]], cause, now)
    return len(done)


async def _own_ends(connection: Connection, pack: Pack, today: date, now: datetime, room: int) -> int:
    """Ask for the reviews of persons whose own end comes while others keep what they share."""
    ends = await to_ask(connection, pack, today, room) if room > 0 else {}
    asks = {("nominal", key): ask.Ask("scheduled", OWN_END, end) for key, end in ends.items()}
    return len(await ask.request(connection, pack, asks, today, now)) if asks else 0


async def _between_times(connection: Connection, pack: Pack, today: date, now: datetime, room: int) -> int:
    """Ask for the reviews of a cadence and the backstop: they put nothing on the list of what falls due."""
    if room <= 0:
        return 0
    asks: dict[Subject, ask.Ask] = {}
    for key, on in (await between_times.periodic(connection, today, room)).items():
        asks["nominal", key] = ask.Ask("periodic", "cadence", on)
    if not (records := await between_times.own(connection, today, room)) and not asks:
        return 0
    keys = [each.record_key for each in records]
    offenders, shown = await orders.offenders_of(connection, keys), await reviews.schedules(connection, keys)
    for each in records:
        key = each.record_key
        persons = [one.nominal_key for one in offenders.get(key, ()) if one.group and shown[key]["grp"]]
        subjects: list[Subject] = [("nominal", person) for person in persons if not each.alone]
        for subject in subjects or [("record", key)]:
            asks.setdefault(subject, _between(each, shown[key]["state"]))
    return len(await ask.request(connection, pack, asks, today, now))


def _between(each: between_times.Own, state: str) -> ask.Ask:
    if each.by_cadence:
        return ask.Ask("periodic", "cadence", each.on)
    return ask.Ask("backstop", "exception" if state == "exception" else "backstop", each.on)


async def finish(connection: Connection, now: datetime, limit: int = 500) -> int:
    """Say of records whose every copy has answered, and which nothing can bring back, that they are disposed of."""
    if not (done := await disposals.finished(connection, HOLDERS, now, limit)):
        return 0
    await disposals.finish(connection, [disposal for disposal, _ in done])
    keys = await orders.move(connection, [key for _, key in done if key is not None], "disposed", None)
    await moved(connection, "disposed", keys, None, now)
    return len(done)
