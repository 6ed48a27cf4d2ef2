"""What a service tells Prometheus: how many requests, how long they took, what was found; never by whom."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from attribution.library import Library
from attribution.model import Attribution

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The measures of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "sc_attrib_requests",
            "Requests, by route as it is described, method and status",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "sc_attrib_request_seconds",
            "Time from a request's head to its answer's end",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge("sc_attrib_requests_in_flight", "Requests under way", registry=self._registry)
        self._matches = Counter(
            "sc_attrib_matches", "Matches that checks found", ("verdict",), registry=self._registry
        )
        self._index = Gauge(
            "sc_attrib_index", "1 for the generation that answers", ("generation",), registry=self._registry
        )
        self._generation = ""

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note a request that was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_matches(self, attribution: Attribution) -> None:
        """Note what a check found."""
        for match in attribution.matches:
            self._matches.labels(match.verdict.value).inc()

    def note(self, library: Library) -> None:
        """Note which generation answers."""
        if library.generation != self._generation:
            self._index.clear()
            self._generation = library.generation
            self._index.labels(self._generation).set(1)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
