"""Every metric of mlgate, defined once. Labels are closed sets (kinds, reasons, services): never an object's name.

Implements the engine's `Observer` and the sessions' `on_request`. What is cheap to read at scrape time (queue, lease,
conditions of the cache) is read then.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from .. import __version__
from ..store.protocol import Object

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody reads

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
COUNTED_CONDITIONS = ("Ready", "Synced")


class Request(Protocol):
    """What the sessions of Auth0 and Azure tell about a request (their `RequestSeen`)."""

    @property
    def system(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def remaining(self) -> int | None: ...


class Metrics:
    """The registry and everything in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = Gauge("mlgate_build_info", "Version of mlgate.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self._reconciled = self._counter("reconcile_total", "Looks at an object, by outcome.", "kind", "result")
        self._reconcile_seconds = self._histogram("reconcile_seconds", "Time of one look.", SECONDS, "kind")
        self._ready_seconds = self._histogram(
            "time_to_ready_seconds", "Time from an object's creation until it was Ready.", LONG_SECONDS, "kind"
        )
        self._deletion_seconds = self._histogram(
            "deletion_seconds", "Time from an object's deletion until it was gone.", LONG_SECONDS, "kind"
        )
        self._drift = self._counter("drift_detected_total", "Changes by others that were set back.", "kind")
        self._requests = self._counter(
            "external_requests_total", "Requests to Auth0 and Azure.", "system", "operation", "code"
        )
        self._request_seconds = self._histogram(
            "external_request_seconds", "Time of a request to Auth0 or Azure.", SECONDS, "system", "method"
        )
        self._quota = self._gauge("quota_remaining", "What the service said is left.", "system", "tenant")
        self._last_success = self._gauge("last_success_timestamp", "Unix time of the last good look.", "kind")
        self._leader = self._gauge("leader", "1 while this replica may write.")
        self._watch_restarts = self._counter("watch_restarts_total", "Times the watches had to be started again.")
        self._loop_lag = self._gauge("event_loop_lag_seconds", "How late the event loop was at the last look.")

    # -- the engine's Observer ----------------------------------------------------------------------------------------

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        self._reconciled.labels(kind, result).inc()
        self._reconcile_seconds.labels(kind).observe(seconds)
        if result == "ready":
            self._last_success.labels(kind).set(time.time())

    def became_ready(self, kind: str, seconds: float) -> None:
        self._ready_seconds.labels(kind).observe(seconds)

    def drifted(self, kind: str) -> None:
        self._drift.labels(kind).inc()

    # -- what others tell ---------------------------------------------------------------------------------------------

    def requested(self, request: Request) -> None:
        """`on_request` of the sessions."""
        code = str(request.status) if request.status is not None else "none"
        self._requests.labels(request.system, f"{request.method} {request.route}", code).inc()
        self._request_seconds.labels(request.system, request.method).observe(request.seconds)
        if request.remaining is not None:
            tenant = getattr(request, "tenant", None) or getattr(request, "subscription", "")
            self._quota.labels(request.system, tenant).set(request.remaining)

    def deleted(self, kind: str, seconds: float) -> None:
        self._deletion_seconds.labels(kind).observe(seconds)

    def leads(self, leading: bool) -> None:
        self._leader.set(1 if leading else 0)

    def watches_restarted(self) -> None:
        self._watch_restarts.inc()

    def lagged(self, seconds: float) -> None:
        self._loop_lag.set(seconds)

    def watch_cache(self, objects: Callable[[], Iterable[Object]], queue_depth: Callable[[], int]) -> None:
        """What is read when somebody scrapes."""
        self.registry.register(_AtScrape(objects, queue_depth))

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mlgate_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mlgate_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"mlgate_{name}", text, labels, registry=self.registry, buckets=buckets)


class _AtScrape(Collector):
    """Counts over the cache: objects by kind and condition. Cheap up to tens of thousands of objects."""

    def __init__(self, objects: Callable[[], Iterable[Object]], queue_depth: Callable[[], int]) -> None:
        self._objects, self._queue_depth = objects, queue_depth

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        depth = GaugeMetricFamily("mlgate_queue_depth", "Objects that wait for a look.")
        depth.add_metric([], self._queue_depth())
        yield depth
        conditions = GaugeMetricFamily(
            "mlgate_condition", "Objects by kind, condition and its status.", labels=["kind", "type", "status"]
        )
        for labels, count in tally(self._objects()).items():
            conditions.add_metric(list(labels), count)
        yield conditions


def tally(objects: Iterable[Object]) -> Tally[tuple[str, str, str]]:
    """How many objects have which condition, by (kind, type, status); Unknown where it is not there."""
    counts: Tally[tuple[str, str, str]] = Tally()
    for obj in objects:
        found = {c.get("type"): c.get("status") for c in (obj.get("status") or {}).get("conditions") or ()}
        for type_ in COUNTED_CONDITIONS:
            counts[obj["kind"], type_, str(found.get(type_) or "Unknown")] += 1
    return counts
