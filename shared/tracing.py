"""The trace that work belongs to: W3C trace context comes in, stays with the work, and goes out with its changes."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.ids import named, random_id

HEADER = "traceparent"
# OpenTelemetry's own variables, for its own programs: they have no prefix of ours.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
CARRIED_MAX = 16  # Of one batch so many traces are named; the rest is under way with them.
# CloudEvents' own attribute, in Kafka's binary mode, is the second.
_HEADERS = frozenset({HEADER, f"ce_{HEADER}"})
_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[!-~]*)?")


class Trace(NamedTuple):
    """One place in one trace; `sampled`: somebody wants to see it."""

    trace_id: str
    span_id: str
    sampled: bool

    def header(self) -> str:
        """Write it as the W3C's `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def read(text: str | None) -> Trace | None:
    """Read a `traceparent`; one that is not sound is none, as the W3C has it."""
    found = _FORM.fullmatch(text) if text and len(text) <= 512 else None
    if found is None or (text[:2] == "00" and len(found[0]) > 55):  # type: ignore[index]
        return None
    return Trace(found[1], found[2], bool(int(found[3], 16) & 1))


def made(name: str | None = None) -> Trace:
    """Make the trace of what came without one: by a name always the same, without a name at random."""
    unique = (random_id() if name is None else named(f"trace\n{name}")).hex
    return Trace(unique, unique[16:], False)


class Carried(NamedTuple):
    """The traces that came with a batch: distinct, up to a bound; `alone`: all of it belongs to the one."""

    traces: tuple[Trace, ...] = ()
    alone: bool = False

    @property
    def sampled(self) -> list[Trace]:
        """Give those that somebody wants to see."""
        return [each for each in self.traces if each.sampled]


NOTHING = Carried()


def carried(records: Sequence[Any]) -> Carried:
    """Give the traces that messages carry."""
    sent = [value for record in records for name, value in record.headers or () if name in _HEADERS]
    if not sent:
        return Carried()
    distinct = list(dict.fromkeys(sent))[:CARRIED_MAX]
    traces = tuple(trace for each in distinct if (trace := read(each.decode("ascii", "replace") if each else None)))
    alone = len(sent) >= len(records) and len({each.trace_id for each in traces}) == len(distinct) == 1
    return Carried(traces, alone)


def by_subject(records: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Give the subjects of messages whose trace somebody wants to see, each with that trace as a header."""
    for record in records:
        headers = dict(record.headers or ())
        trace = read((headers.get(HEADER) or b"").decode("ascii", "replace"))
        if trace is not None and trace.sampled:
            yield (headers.get("ce_subject") or b"").decode("ascii", "replace"), trace.header()


@dataclass(slots=True)
class Work:
    """What is being done, its trace, and whether anything was written under it."""

    trace: Trace
    came: Carried
    wrote: bool = False
    touched: set[Trace] = field(default_factory=set)  # Traces of what was written that belongs elsewhere.


_work: ContextVar[Work | None] = ContextVar("work", default=None)


def current() -> Trace | None:
    """Give the trace of what is being done here."""
    work = _work.get()
    return None if work is None else work.trace


def outgoing() -> Trace | None:
    """Give the trace that what is written now belongs to, and remember that something was."""
    work = _work.get()
    if work is None:
        return None
    work.wrote = True
    return work.trace


def came_sampled() -> bool:
    """Say whether somebody wants to see what came with the batch in hand."""
    work = _work.get()
    return work is not None and bool(work.came.sampled)


def touch(trace: Trace) -> None:
    """Remember that what was written belongs to another trace too: the work is told of in that one as well."""
    work = _work.get()
    if work is not None and trace.sampled:
        work.touched.add(trace)


@contextmanager
def within(trace: Trace, came: Carried = NOTHING) -> Iterator[Work]:
    """Do what follows under a trace."""
    work = Work(trace, came)
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


class Spans(Protocol):
    """Who is told of the work: nobody, or a collector over OTLP (`shared.spans`)."""

    def over(
        self, name: str, came: Carried, new: str | None = None, **words: str | int
    ) -> AbstractContextManager[Work]:
        """Do what follows as one piece of work under the trace that came, or a new one; a context manager."""


class Untold:
    """Traces are carried on, and nobody is told: OpenTelemetry is off."""

    @contextmanager
    def over(self, name: str, came: Carried, new: str | None = None, **words: str | int) -> Iterator[Work]:
        """Do what follows under the one trace that came, or a new one."""
        with within(came.traces[0] if came.alone else made(new), came) as work:
            yield work


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether OpenTelemetry's variables ask for traces."""
    return any(environment.get(name) for name in ENDPOINTS) and environment.get("OTEL_SDK_DISABLED", "") != "true"


def spans_of(service: str, process: str) -> Spans:
    """Give who is told of a process's work."""
    if not wanted():
        return Untold()
    from shared.spans import Told  # It takes a quarter of a second, at every start of every process.

    return Told(service, process)
