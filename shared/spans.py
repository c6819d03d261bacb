"""OpenTelemetry: pieces of work as spans, sent over OTLP by a thread of its own; imported only where it is on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import time_ns
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.tracing import Carried, Trace, Work, within


class Told:
    """Tells a collector of each piece of work; words are counts and topics, never content or ids."""

    def __init__(self, service: str, process: str) -> None:
        resource = Resource.create({"service.name": f"tenure-{service}", "service.instance.id": process})
        self.provider = TracerProvider(resource=resource)  # It sends what is left when the process ends.
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self.provider.get_tracer("tenure")

    @contextmanager
    def over(self, name: str, came: Carried, new: str | None = None, **words: str | int) -> Iterator[Work]:
        """Do what follows as one span: a child of the one trace that came, else a root that links to all that came.

        A job of the clock (nothing came, no `new`) that wrote nothing is not told: most find nothing to do.
        """
        span, others = self._start(name, came, words)
        told, began = False, time_ns()
        try:
            with within(_trace(span), came) as work:
                yield work
                told = work.wrote or bool(came.traces) or new is not None
                others += self._touched(name, work, began, words)
        except BaseException as error:
            told = True
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))  # Its own words may quote content.
            raise
        finally:
            for each in (span, *others) if told else ():
                each.end()

    def _touched(self, name: str, work: Work, began: int, words: Mapping[str, str | int]) -> list[Span]:
        """Show the work in the traces of what it wrote: it did not come with them, it found them."""
        back = [Link(_context(work.trace))]
        there = {each.trace_id for each in work.came.sampled} | {work.trace.trace_id}
        return [
            self._tracer.start_span(name, _under(each), SpanKind.CONSUMER, words, back, began)
            for each in sorted(work.touched)
            if each.trace_id not in there
        ]

    def _start(self, name: str, came: Carried, words: Mapping[str, str | int]) -> "_Started":
        if came.alone:
            return _Started(self._tracer.start_span(name, _under(came.traces[0]), SpanKind.CONSUMER, words), [])
        links = [Link(_context(each)) for each in came.traces]
        span = self._tracer.start_span(name, Context(), SpanKind.CONSUMER, words, links)
        back = [Link(span.get_span_context())]
        kept = [self._tracer.start_span(name, _under(each), SpanKind.CONSUMER, words, back) for each in came.sampled]
        return _Started(span, kept)


class _Started(NamedTuple):
    """The span of a piece of work, and what shows it in each trace that took part."""

    span: Span
    others: list[Span]


def _context(trace: Trace) -> SpanContext:
    return SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, TraceFlags(int(trace.sampled)))


def _under(trace: Trace) -> Context:
    return set_span_in_context(NonRecordingSpan(_context(trace)), Context())


def _trace(span: Span) -> Trace:
    context = span.get_span_context()
    return Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags.sampled))
