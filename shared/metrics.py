"""What is measured: one declared table, and the values of one process under it; nothing else is exported."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics import MetricWrapperBase

disable_created_metrics()  # type: ignore[no-untyped-call]  # Else each counter exports a second series, undeclared.

COUNTED_MAX = 100_000  # Of a queue or a backlog so many rows are counted; the rest would cost more than it tells.
_UPTO = f"counted up to {COUNTED_MAX}"

WORKERS = frozenset({"intake-worker", "retention-worker", "review-worker"})
APIS = frozenset({"intake-api", "retention-api", "review-api"})
_INTAKE, _RETENTION, _REVIEW = (frozenset({f"{name}-worker"}) for name in ("intake", "retention", "review"))

Value = str | int | float


class Metric(NamedTuple):
    """One declared metric; each has the label `service` too. No label ever holds an id of a record or a person."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...]
    on: frozenset[str]


ARRIVALS = Metric(
    *("tenure_arrivals_total", "counter", "arrivals"),
    "Arrivals over every door by outcome, as intake's account has counted them since this process began to look.",
    *(("outcome",), _INTAKE),
)
RECEIPTS = Metric(
    *("tenure_receipts_total", "counter", "receipts"),
    "Receipts that this process published, further ones included; follows tenure_arrivals_total.",
    *((), _INTAKE),
)
PUBLISHED = Metric(
    *("tenure_published_total", "counter", "messages"),
    "Messages that this process published, by topic: the log's changes, and the schedules of retention's tables.",
    *(("topic",), WORKERS),
)
SETTLED_BATCHES = Metric(
    *("tenure_batches_settled_total", "counter", "batches"),
    "Batches that this process settled: committed with the positions they leave behind.",
    *(("topic",), WORKERS),
)
SETTLED_MESSAGES = Metric(
    *("tenure_messages_settled_total", "counter", "messages"),
    "Messages in the batches that this process settled.",
    *(("topic",), WORKERS),
)
LAG_ROWS = Metric(
    *("tenure_lag_rows", "gauge", "rows"),
    "Offsets between the stored positions and the topic's ends; markers of transactions count as offsets.",
    *(("topic",), WORKERS),
)
LAG_SECONDS = Metric(
    *("tenure_lag_seconds", "gauge", "seconds"),
    "For how long the oldest message that the service has not taken in waits, as far as this process knows.",
    *(("topic",), WORKERS),
)
QUEUE_ROWS = Metric(
    *("tenure_queue_rows", "gauge", "rows"),
    f"Rows in a queue: transactions to be published or sealed, dirty marks, unannounced schedules,"
    f" partitions of a row that are not brought to the pack in force yet (redate); {_UPTO}.",
    *(("queue",), WORKERS),
)
QUEUE_AGE = Metric(
    *("tenure_queue_age_seconds", "gauge", "seconds"),
    "For how long the oldest row of a queue (unpublished, unsealed, dirty, redate) waits; 0: it is empty.",
    *(("queue",), WORKERS),
)
DIRTY = Metric(
    *("tenure_dirty_subjects", "gauge", "subjects"),
    f"Records and persons whose dates wait to be worked out anew: nothing is disposed of about them; {_UPTO}.",
    *((), _RETENTION),
)
RELAY_DELAY = Metric(
    *("tenure_relay_delay_seconds", "histogram", "seconds"),
    "From a change to its publication, of the oldest change of each pass of the relay.",
    *((), WORKERS),
)
SEALER_DELAY = Metric(
    *("tenure_sealer_delay_seconds", "histogram", "seconds"),
    "From a change to its seal in the ledger, of the oldest change of each sealing.",
    *((), WORKERS),
)
DEAD_LETTERS = Metric(
    *("tenure_dead_letters", "gauge", "letters"),
    f"Messages set aside, unread or underivable, that were not taken since, by the topic they came on; {_UPTO}.",
    *(("topic",), WORKERS),
)
TICKED = Metric(
    *("tenure_tick_succeeded_timestamp_seconds", "gauge", "seconds"),
    "When each job of the clock last came to its end, in seconds since 1970.",
    *(("tick",), WORKERS),
)
READY = Metric(
    *("tenure_ready", "gauge", "boolean"),
    "1 while a check of /readyz holds, 0 while it does not; asked at each scrape.",
    *(("check",), WORKERS | APIS),
)
QUARANTINE = Metric(
    *("tenure_quarantine_open", "gauge", "arrivals"),
    f"Arrivals in quarantine that wait for a data steward; {_UPTO}.",
    *((), _INTAKE),
)
QUARANTINE_OLDEST = Metric(
    *("tenure_quarantine_oldest_seconds", "gauge", "seconds"),
    "For how long the oldest arrival in quarantine waits; 0: none does.",
    *((), _INTAKE),
)
QUARANTINE_INCOMPLETE = Metric(
    *("tenure_quarantine_incomplete", "gauge", "arrivals"),
    "Arrivals that lacked a required field, by source, of the newest 10,000 quarantined.",
    *(("source",), _INTAKE),
)
QUARANTINE_MENDED = Metric(
    *("tenure_quarantine_mended", "gauge", "ratio"),
    "Share of the newest 10,000 quarantined arrivals that was accepted, superseded or resolved since, by source.",
    *(("source",), _INTAKE),
)
QUARANTINE_WAITED = Metric(
    *("tenure_quarantine_waited_seconds", "gauge", "seconds"),
    "For how long the oldest of the newest 10,000 quarantined arrivals waits, by source; 0: none of it does.",
    *(("source",), _INTAKE),
)
VIEWS = Metric(
    *("tenure_views_total", "counter", "views"),
    "Views of content asked for at this process, logged first: shown, or refused by the pack or a screen.",
    *(("outcome",), frozenset({"intake-api"})),
)
ACCESS_ALERTS = Metric(
    *("tenure_access_alerts_open", "gauge", "alerts"),
    f"Alerts about views that professional standards have not closed; {_UPTO}.",
    *((), _INTAKE),
)
ACCESS_ALERTS_OLDEST = Metric(
    *("tenure_access_alerts_oldest_seconds", "gauge", "seconds"),
    "For how long the oldest open alert about a view waits; 0: none does.",
    *((), _INTAKE),
)
DUE = Metric(
    *("tenure_due_records", "gauge", "records"),
    f"Records that are due, by how far they have come (waiting, asked_for, due, in_review, ordered); each {_UPTO}.",
    *(("state",), _RETENTION),
)
DUE_OLDEST = Metric(
    *("tenure_due_oldest_seconds", "gauge", "seconds"),
    "For how long the longest-waiting record has been due without a review or an order, in civil days; 0: none is.",
    *((), _RETENTION),
)
HOLDS = Metric(
    *("tenure_holds_open", "gauge", "holds"),
    "Holds that keep records from disposal, by state (in_force, release_proposed).",
    *(("state",), _RETENTION),
)
DISPOSALS = Metric(
    *("tenure_disposals_total", "counter", "disposals"),
    "Disposal orders that this process brought to a state (executed, refused, disposed).",
    *(("state",), _RETENTION),
)
DISPOSALS_IN_HAND = Metric(
    *("tenure_disposals_in_hand", "gauge", "disposals"),
    f"Disposals on their way (cooling, executed and not yet erased, shredded and not yet closed); each {_UPTO}.",
    *(("state",), _RETENTION),
)
UNCONFIRMED = Metric(
    *("tenure_disposals_unconfirmed_seconds", "gauge", "seconds"),
    "For how long the oldest executed disposal waits for the vault to say that the content is erased; 0: none does.",
    *((), _RETENTION),
)
PAUSED = Metric(
    *("tenure_disposals_paused", "gauge", "pauses"),
    "Reasons why nothing is disposed of until two people resume it.",
    *((), _RETENTION),
)
NEWS_AGE = Metric(
    *("tenure_news_age_seconds", "gauge", "seconds"),
    "How old intake's newest word is that all arrivals up to then are passed on; nothing is disposed of on old news.",
    *((), _RETENTION),
)
BACKLOAD_SHARE = Metric(
    *("tenure_backload_share", "gauge", "ratio"),
    "A back-load's share of the reading: 0 paused, or waiting for live events or retention, 1 no live events come.",
    *((), _INTAKE),
)
UNRECONCILED = Metric(
    *("tenure_unreconciled", "gauge", "things"),
    "What is not reconciled: accounts.open, sources.overdue, manifests.open, manifests.differ; taken every 30 s.",
    *(("what",), _INTAKE),
)
TIMELINESS = Metric(
    *("tenure_timeliness_seconds", "gauge", "seconds"),
    "How long records of the last 7 days took, by source and lag, at a quantile (p50, p95, max); taken every 30 s.",
    *(("source", "lag", "quantile"), _INTAKE),
)
LATE = Metric(
    *("tenure_records_late", "gauge", "records"),
    "Records of the last 7 days over the pack's limit, by source and lag; taken every 30 s.",
    *(("source", "lag"), _INTAKE),
)
TASKS = Metric(
    *("tenure_tasks_open", "gauge", "tasks"),
    f"Review tasks that are not done, by state; {_UPTO} in all.",
    *(("state",), _REVIEW),
)
TASKS_OVERDUE = Metric(
    *("tenure_tasks_overdue", "gauge", "tasks"),
    f"Review tasks that are not done and past their day; {_UPTO}.",
    *((), _REVIEW),
)
REQUESTS = Metric(
    *("tenure_http_requests_total", "counter", "requests"),
    "Answers by route template and status; `unknown` stands for every path that is no route.",
    *(("route", "status"), APIS),
)
REQUEST_SECONDS = Metric(
    *("tenure_http_request_seconds", "histogram", "seconds"),
    "From a request's arrival to the end of its answer, by route template.",
    *(("route",), APIS),
)

DECLARED: tuple[Metric, ...] = (
    *(ARRIVALS, RECEIPTS, PUBLISHED, SETTLED_BATCHES, SETTLED_MESSAGES, LAG_ROWS, LAG_SECONDS, QUEUE_ROWS, QUEUE_AGE),
    *(DIRTY, RELAY_DELAY, SEALER_DELAY, DEAD_LETTERS, TICKED, READY, QUARANTINE, QUARANTINE_OLDEST, BACKLOAD_SHARE),
    *(UNRECONCILED, TIMELINESS, LATE),
    *(VIEWS, ACCESS_ALERTS, ACCESS_ALERTS_OLDEST, QUARANTINE_INCOMPLETE, QUARANTINE_MENDED, QUARANTINE_WAITED),
    *(DUE, DUE_OLDEST, HOLDS, DISPOSALS, DISPOSALS_IN_HAND, UNCONFIRMED, PAUSED, NEWS_AGE, TASKS, TASKS_OVERDUE),
    *(REQUESTS, REQUEST_SECONDS),
)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_KINDS: dict[str, type[MetricWrapperBase]] = {"counter": Counter, "gauge": Gauge}


class Reading(NamedTuple):
    """One value read from the database for a metric."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


class Meter:
    """The metrics of one process, in a registry of its own; one that is not declared for it is refused."""

    def __init__(self, service: str, process: str) -> None:
        self.service = service
        self._registry = CollectorRegistry()
        self._kept = {each: self._make(each) for each in DECLARED if process in each.on}
        for each, kept in self._kept.items():
            if not each.labels and each.type != "gauge":  # It counts from 0; a gauge says nothing before its look.
                kept.labels(service)
        self._looked: dict[tuple[Metric, tuple[Value, ...]], float] = {}

    def _make(self, metric: Metric) -> MetricWrapperBase:
        labels = ("service", *metric.labels)
        if metric.type == "histogram":
            return Histogram(metric.name, metric.help, labels, registry=self._registry, buckets=_BUCKETS)
        return _KINDS[metric.type](metric.name, metric.help, labels, registry=self._registry)

    def _of(self, metric: Metric, labels: Iterable[Value]) -> MetricWrapperBase:
        return self._kept[metric].labels(self.service, *labels)

    def count(self, metric: Metric, *labels: Value, by: float = 1) -> None:
        """Add to a counter; by 0 shows a series that nothing has counted yet."""
        self._of(metric, labels).inc(by)  # type: ignore[attr-defined]

    def set(self, metric: Metric, value: float, *labels: Value) -> None:
        """Set a gauge, or add to a counter what the database has counted since the last look.

        The account may go back: a replay takes an arrival from one outcome to another, and only what comes counts.
        """
        child = self._of(metric, labels)
        if metric.type == "counter":
            child.inc(max(value - self._looked.get((metric, labels), value), 0))  # type: ignore[attr-defined]
            self._looked[metric, labels] = value
        else:
            child.set(value)  # type: ignore[attr-defined]

    def observe(self, metric: Metric, value: float, *labels: Value) -> None:
        """Note one duration in a histogram."""
        self._of(metric, labels).observe(value)  # type: ignore[attr-defined]

    def take(self, readings: Iterable[Reading]) -> None:
        """Set what was read from the database."""
        for metric, value, labels in readings:
            self.set(metric, value, *labels)

    def text(self) -> bytes:
        """Write the values in the text format that Prometheus reads."""
        return generate_latest(self._registry)


MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
