"""The chapters of the story, in order: each shows one promise."""

from collections.abc import Callable
from typing import NamedTuple

from tools.demo import accounting, around, arriving, dating, killing, proving, verifying, years
from tools.demo.estate import Estate
from tools.demo.so_far import SoFar


class Chapter(NamedTuple):
    """One promise and how it is shown."""

    title: str
    promise: str
    play: Callable[[Estate, SoFar], None]


CHAPTERS = (
    Chapter("What came in", "Every event gets a receipt; accepted means durable.", arriving.come_in),
    Chapter(
        "What was refused, and why",
        "Nothing is swallowed: what cannot be accepted is kept sealed, and upstream is told the mend.",
        arriving.are_refused,
    ),
    Chapter("Who is due, and why", "Every record has its date, and every date explains itself.", dating.are_due),
    Chapter(
        "One later contact moves a person's records",
        "The same facts give the same dates, however late one of them comes.",
        dating.move,
    ),
    Chapter("Content is sealed at the door", "It is shown for a purpose only.", arriving.see_content),
    Chapter("Years pass", "Nothing goes early, and nothing goes unseen.", years.pass_by),
    Chapter("People decide about people", "A grave matter takes two of them.", years.people_decide),
    Chapter(
        "A hold wins over disposals in flight",
        "A hold that was acknowledged wins, up to the transaction that executes.",
        years.hold_wins,
    ),
    Chapter(
        "What remains is a certificate",
        "Anyone can check it, without asking Tenure.",
        proving.remains,
    ),
    Chapter(
        "kill -9, and nothing is lost",
        "Whatever was under way goes on after a crash; nothing is done twice.",
        killing.loses_nothing,
    ),
    Chapter("Both accounts", "Each event is in one term, each record is in one term.", accounting.add_up),
    Chapter(
        "verify: every invariant, from raw tables and topics",
        "An independent check that shares no code with the services.",
        verifying.holds,
    ),
    Chapter("Look around", "", around.look),
)


def play(estate: Estate) -> None:
    """Play the whole story; `Untrue` ends it."""
    so_far = SoFar()
    for each in CHAPTERS:
        estate.teller.chapter(each.title, each.promise)
        each.play(estate, so_far)
