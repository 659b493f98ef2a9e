"""Prometheus metrics, with one registry per application."""

from collections.abc import Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""HTTP methods with their own label: others share one, to bound the cardinality."""


class Metrics:
    """The metrics of one application."""

    kind = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, readers: Callable[[], float]) -> None:
        """`readers`: returns the current number of event readers."""
        self._registry = CollectorRegistry()
        named: dict[str, Any] = {"registry": self._registry, "namespace": "tsg"}
        self.requests = Counter("requests", "Requests answered", ["route", "method", "status"], **named)
        self.seconds = Histogram("request_seconds", "Time to a request's end", ["route"], **named)
        self._readers = Gauge("event_readers", "Readers of event streams", **named)
        self._readers.set_function(readers)
        self.begun = Counter("investigations_begun", "Investigations that began or went on", **named)
        self.ended = Counter("investigations_ended", "Investigations that ended", ["state"], **named)
        self.hooks = Counter("alerts", "Alerts that came in by webhook", ["sender", "outcome"], **named)
        self.told = Counter("messages", "Messages sent out", ["target", "outcome"], **named)

    def answered(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        """Count a request. Labels use the route's pattern, so that clients cannot raise the cardinality."""
        route = getattr(scope.get("route"), "path", "other")
        self.requests.labels(route, scope["method"] if scope["method"] in METHODS else "other", status).inc()
        if not route.endswith("/events"):
            self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return bytes(generate_latest(self._registry))
