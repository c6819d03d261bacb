"""How the demonstration tells its story: wrapped, plotted, paced, in plain lines where nobody watches."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from tools.demo import __main__ as program
from tools.demo import plot, waiting
from tools.demo.dating import by_year
from tools.demo.estate import Estate
from tools.demo.pace import PAUSE_SECONDS_MAX, SECONDS_PER_WORD, Pace
from tools.demo.telling import WIDTH_MAX, Teller, Untrue, listed, shown
from tools.demo.waiting import Waiting
from tools.stack.paths import DEMO

LONG = "word " * 60


class Clock:
    """A clock that only moves when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def teller(*, terminal: bool = False, columns: int = 80, **given) -> Teller:
    return Teller(Console(file=io.StringIO(), force_terminal=terminal, width=columns, _environ={}), **given)


def told(by: Teller) -> list[str]:
    return by.console.file.getvalue().splitlines()


def test_a_bar_is_as_long_as_its_count_and_no_line_is_longer_than_the_width():
    lines = plot.bars({"accepted": 1_000, "quarantined": 500, "discarded": 0}, 40)

    assert [line.count(plot.FULL) for line in lines] == [20, 10, 0]
    assert [len(line) for line in lines[:1]] == [40]
    assert lines[2] == "discarded        0"


def test_a_small_count_beside_a_large_one_still_has_a_mark():
    assert plot.bars({"accepted": 6_203, "quarantined": 5}, 60)[1].count(plot.FULL) == 1


def test_no_counts_are_no_lines():
    assert plot.bars({}, 60) == []


def test_a_table_sets_numbers_to_the_right():
    assert plot.table([("", "at the kill", "now"), ("events", 6_649, 12)]) == [
        "        at the kill  now",
        "events        6,649   12",
    ]


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", plot.FULL), ("ascii", plot.PLAIN), ("no-such", plot.PLAIN)])
def test_a_bar_is_drawn_in_what_the_output_can_write(encoding, mark):
    assert plot.mark_for(encoding) == mark


def test_somebody_reads_as_long_as_there_are_words():
    clock = Clock()
    pace = Pace(clock, clock.sleep)

    pace.told("four words are here")
    pace.pause()

    assert clock.slept == [pytest.approx(4 * SECONDS_PER_WORD)]


def test_what_was_told_while_they_waited_is_read_already():
    clock = Clock()
    pace = Pace(clock, clock.sleep)

    pace.told("four words are here")
    clock.now += 60
    pace.pause()

    assert clock.slept == []


def test_no_pause_is_long_and_none_is_made_up_for_later():
    clock = Clock()
    pace = Pace(clock, clock.sleep)

    pace.told("word " * 1_000)
    pace.pause()
    pace.pause()

    assert clock.slept == [PAUSE_SECONDS_MAX]


@pytest.mark.parametrize("tell", [Teller.say, lambda by, text: by.prove(True, text), lambda by, text: by.quote([text])])
def test_on_a_terminal_a_long_line_is_wrapped_and_stands_in(tell):
    by = teller(terminal=True, columns=80)

    tell(by, LONG)

    plain = [line for line in by.console.file.getvalue().splitlines() if line]
    assert len(plain) > 3
    assert max(len(Console(file=io.StringIO()).render_str(strip(line))) for line in plain) <= 80


def strip(line: str) -> str:
    """Take the colours out."""
    return "".join(part.partition("m")[2] if n else part for n, part in enumerate(line.split("\x1b[")))


@pytest.mark.parametrize(
    "whole", ["fe007584-2160-58ba-abcd-efabcdefabcd", "http://127.0.0.1:18082/v1/disposals?state=shredded"]
)
def test_ids_and_addresses_are_never_broken(whole):
    by = teller(terminal=True, columns=30)

    by.say(f"look at {whole} now")

    assert any(whole in strip(line) for line in told(by))


def test_where_nobody_watches_there_are_plain_lines_without_control_characters():
    by = teller()

    by.chapter("A title", "A promise.")
    by.prove(True, "[not] markup")
    by.bars({"one": 1})
    by.table(("a", 1))
    by.command("x" * 200)
    by.quote([LONG])

    lines = told(by)
    assert "   ok  [not] markup" in lines
    assert f"   $ {'x' * 200}" in lines
    assert all(line.isprintable() for line in lines)
    assert max(len(line) for line in lines if "x" not in line) <= WIDTH_MAX


def test_what_is_not_true_ends_the_story_and_says_which():
    by = teller()

    with pytest.raises(Untrue, match="the account adds up - found instead: 7"):
        by.prove(False, "the account adds up", 7)

    assert by.proved == 0


def test_an_untrue_claim_is_the_exit_status_and_says_where_to_look(monkeypatch):
    def untrue(*_):
        raise Untrue("the account adds up - found instead: 7")

    monkeypatch.setattr(program, "play", untrue)
    by = teller()
    estate = _estate(by)
    estate.stack = SimpleNamespace(paths=DEMO)

    assert program._told(estate) == 1
    assert told(by)[-2:] == [
        "NOT TRUE: the account adds up - found instead: 7",
        "   the processes' logs are in .tenure/demo/logs/",
    ]


def test_a_pause_comes_between_chapters_and_not_within():
    clock = Clock()
    by = teller(pace=Pace(clock, clock.sleep))

    by.chapter("First")
    by.say("some words")
    within = list(clock.slept)
    by.chapter("Second")

    assert (within, len(clock.slept)) == ([], 1)


def test_a_wait_is_told_in_a_line_now_and_then_where_nobody_watches(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(waiting, "monotonic", clock)
    lines: list[str] = []
    wait = Waiting(Console(file=io.StringIO()), lines.append, "417 certificates", 417)

    for clock.now in (0.5, 2.5, 3.0, 8.0):
        wait.at(lambda: int(clock.now * 10))

    assert lines == ["... 417 certificates: 25 of 417 (2 s)", "... 417 certificates: 80 of 417 (8 s)"]


def test_a_short_wait_shows_nothing_and_a_long_one_its_count(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(waiting, "monotonic", clock)
    by = teller(terminal=True)

    with by.waiting("certificates", 417) as wait:
        wait.at(lambda: 1)
        before = by.console.file.getvalue()
        clock.now = 3.0
        wait.at(lambda: 149)

    assert before == ""
    assert "149/417" in by.console.file.getvalue()


def test_what_falls_due_is_counted_by_year_and_end():
    due = [
        {"week": "2029-07-02", "kind": "dispose", "records": 3},
        {"week": "2028-07-31", "kind": "dispose", "records": 2},
        {"week": "2028-12-25", "kind": "dispose", "records": 1},
        {"week": "2028-04-03", "kind": "review", "records": 4},
    ]

    assert list(by_year(due).items()) == [
        ("2028 by a person's review", 4),
        ("2028 by the rule", 3),
        ("2029 by the rule", 3),
    ]


def _estate(by: Teller) -> Estate:
    estate = Estate.__new__(Estate)
    estate.teller = by
    return estate


def test_counts_in_words():
    assert (shown(1, "stop"), shown(1_200, "stop"), listed({"accepted": 1_200, "duplicate": 2})) == (
        "1 stop",
        "1,200 stops",
        "1,200 accepted, 2 duplicate",
    )
