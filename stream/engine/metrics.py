"""What a worker has done and how it stands, in Prometheus's words: read when asked, so that counting costs nothing.

Names end in their unit (`_total`, `_seconds`, `_bytes`), as
https://prometheus.io/docs/practices/naming/ asks; those of the process are Prometheus's own under our prefix.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from faust.exceptions import ConsumerNotStarted
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

from stream.engine.health import HealthCheck, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faust.types import TP
    from prometheus_client import Metric

    from stream.alert import Alert
    from stream.engine.app import EngineApp
    from stream.engine.flow import Judge

PREFIX: Final = "orderwatch"
_PUBLISH_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DELAY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_COUNTS: Final = {  # field of Flow.counts -> metric and what it says
    "events": ("events", "Order events judged."),
    "duplicates": ("duplicates", "Deliveries of an event that was known already."),
    "late": ("late_events", "Events later than time.allowed_lateness_seconds; scored, but left out of windows."),
    "dead_letters": ("dead_letters", "Messages that were no order event."),
    "batches": ("batches", "Batches judged."),
    "alerts": ("alerts", "Alert transitions raised."),
    "delivered": ("alerts_delivered", "Alerts that were new to Redis."),
}


class PublishMetrics:
    """Counted where alerts go out; few, so as they happen."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            f"{PREFIX}_publish_seconds",
            "From handing messages over until they are taken, all tries included.",
            ["target"],
            buckets=_PUBLISH_SECONDS,
            registry=self.registry,
        )
        self._failures = Counter(
            f"{PREFIX}_publish_failures",
            "Tries that Kafka or Redis did not take; commits wait meanwhile.",
            ["target"],
            registry=self.registry,
        )
        self._delay = Histogram(
            f"{PREFIX}_alert_delay_seconds",
            "From the event time that raised an alert until Redis has it.",
            buckets=_DELAY_SECONDS,
            registry=self.registry,
        )
        for target in ("Kafka", "Redis"):
            self._seconds.labels(target)
            self._failures.labels(target)
        self._waits_for: str | None = None
        self._waits_since = 0.0

    @contextmanager
    def publishing(self, target: str) -> Iterator[None]:
        """Time one step of publishing, from its first try to its success."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._waits_for = None
            self._seconds.labels(target).observe(time.monotonic() - began)

    def failed(self, target: str) -> None:
        """Count a try that `target` did not take."""
        self._failures.labels(target).inc()
        if self._waits_for != target:
            self._waits_for, self._waits_since = target, time.monotonic()

    def delivered(self, alert: Alert) -> None:
        """Take the time at which an alert was everywhere."""
        self._delay.observe(max(0.0, time.time() - alert.time_ms / 1000))

    @property
    def waits(self) -> tuple[str | None, float]:
        """Who takes no alerts at the moment, and for how many seconds."""
        return self._waits_for, time.monotonic() - self._waits_since if self._waits_for else 0.0


class Observer:
    """Reads a running worker when asked: for its health and, as a collector of prometheus-client, its metrics."""

    def __init__(
        self,
        app: EngineApp,
        judge: Judge,
        orders_topic: str,
        check: HealthCheck,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app, self._judge, self._topic, self.check = app, judge, orders_topic, check
        self._is_stopping = is_stopping
        self.registry = app.publish_metrics.registry
        self.registry.register(self)
        ProcessCollector(namespace=PREFIX, registry=self.registry)

    def look(self) -> None:
        """Take a look for the health check."""
        counts, started = self._app.flow.counts, self._app.started
        waits_for, waits_seconds = self._app.publish_metrics.waits
        read = (counts.events, counts.duplicates, counts.dead_letters)
        look = Look(
            partitions=len(self._assigned()),
            stands_by=started and self._app.orders.is_member,
            behind=-1 if self._app.checkpointer is None else self._app.checkpointer.standby.behind,
            caught_up=started and self._app.orders.caught_up,
            progress=(read, tuple(sorted(self._committed().items()))),
            waits_for=waits_for,
            waits_seconds=waits_seconds,
            is_stopping=self._is_stopping() or self._app.should_stop,
            has_crashed=self._app.crashed,
        )
        self.check.add(look)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics as they are now."""
        for field, (name, what) in _COUNTS.items():
            yield CounterMetricFamily(f"{PREFIX}_{name}", what, value=getattr(self._app.flow.counts, field))
        yield self._held_back()
        yield self._evicted()
        yield self._warm_up()
        yield self._lag()
        yield self._standby()
        assigned, ready, live = len(self._assigned()), self.check.ready.ok, self.check.live.ok
        clock_seconds = self._judge.clock_ms / 1000
        for name, what, value in (
            ("assigned_partitions", "Partitions of the orders topic that this worker reads.", float(assigned)),
            ("caught_up", "1 if all that its partitions hold is read and done.", float(self._is_caught_up())),
            ("ready", "1 if /readyz says so.", float(ready)),
            ("live", "1 if /livez says so.", float(live)),
            ("event_time_seconds", "Event time that the log has reached, since 1970-01-01 UTC.", clock_seconds),
            ("still_seconds", "Time without progress while there was something to do.", self.check.still_seconds),
        ):
            yield GaugeMetricFamily(f"{PREFIX}_{name}", what, value=value)

    def _held_back(self) -> Metric:
        family = CounterMetricFamily(
            f"{PREFIX}_alerts_held_back", "Conditions that a family's budget of alerts held back.", labels=["family"]
        )
        for name, count in getattr(self._judge, "held_back", {}).items():
            family.add_metric([name], count)
        return family

    def _evicted(self) -> Metric:
        family = CounterMetricFamily(
            f"{PREFIX}_keys_evicted", "Keys forgotten because their space was full (state.max_*).", labels=["kind"]
        )
        for kind, count in getattr(self._judge, "evicted", {}).items():
            family.add_metric([kind], count)
        return family

    def _warm_up(self) -> Metric:
        family = GaugeMetricFamily(
            f"{PREFIX}_warm_up_ratio", "Share learned of what a part needs before it has an opinion.", labels=["part"]
        )
        for part, warm_up in getattr(self._judge, "warming_up", {}).items():
            family.add_metric([part], warm_up.seen / warm_up.needed)
        return family

    def _lag(self) -> Metric:
        family = GaugeMetricFamily(
            f"{PREFIX}_lag_records",
            "Records of a partition that are not committed, at the last look.",
            labels=["partition"],
        )
        ends, committed = self._app.monitor.tp_end_offsets, self._committed()
        for tp in sorted(self._assigned()):
            if tp in ends:
                family.add_metric([str(tp.partition)], max(0, ends[tp] - committed.get(tp, 0)))
            elif self._is_caught_up():
                family.add_metric([str(tp.partition)], 0)
        return family

    def _standby(self) -> Metric:
        family = GaugeMetricFamily(
            f"{PREFIX}_standby_lag_records",
            "Records of the state's changelog that a member that stands by has not read; none while it watches.",
        )
        behind = None if self._app.checkpointer is None else self._app.checkpointer.standby.behind
        if behind is not None:
            family.add_metric([], behind)
        return family

    def _is_caught_up(self) -> bool:
        return bool(self._app.started and self._app.orders.caught_up)

    def _assigned(self) -> set[TP]:
        if not self._app.started:
            return set()
        try:
            return {tp for tp in self._app.orders.assignment() if tp.topic == self._topic}
        except ConsumerNotStarted:  # or not any more
            return set()

    def _committed(self) -> dict[TP, int]:
        """The next offset to be read after a restart; what Faust knows, since the group was joined."""
        if not self._app.started:
            return {}
        known = self._app.orders._committed_offset  # noqa: SLF001  # Faust has no public name for it
        return {tp: offset for tp, offset in known.items() if tp.topic == self._topic and offset is not None}
