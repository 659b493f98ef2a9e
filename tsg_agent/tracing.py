"""OpenTelemetry spans, and log records with the id of their investigation.

Needs the API only (extra `otel`); without it, or without an SDK, it is a no-op. No attribute contains text of an
incident or a value of the telemetry.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

trace: Any
try:
    from opentelemetry import context
    from opentelemetry import trace as api
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    trace = api
except ImportError:  # an extra
    trace = None

_INVESTIGATION: ContextVar[str] = ContextVar("tsg_investigation", default="")
"""The id of the current task's or thread's investigation or question."""
_ABOUT = "tsg-about"


@contextmanager
def about(identity: str) -> Iterator[str]:
    """Set the id of the current investigation or question."""
    before = _INVESTIGATION.set(identity)
    try:
        yield identity
    finally:
        _INVESTIGATION.reset(before)


class WithInvestigation(logging.Filter):
    """Sets `investigation` on each log record: add it to a handler, and `%(investigation)s` to the handler's format."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        record.investigation = _INVESTIGATION.get()
        return True


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[Any]:
    """A child span of the current one. Attribute names get the prefix `tsg.`."""
    if trace is None:
        return nullcontext()
    return _span(name, {f"tsg.{key}": value for key, value in attributes.items()})


def carried() -> dict[str, str]:
    """The current span's context and the current id, to pass to another process."""
    carrier = {_ABOUT: _INVESTIGATION.get()}
    if trace is not None:
        TraceContextTextMapPropagator().inject(carrier)
    return carrier


@contextmanager
def within(carrier: Mapping[str, str]) -> Iterator[None]:
    """Continue the span's context and the id of another process."""
    with about(carrier.get(_ABOUT, "")):
        if trace is None:
            yield
            return
        token = context.attach(TraceContextTextMapPropagator().extract(carrier))
        try:
            yield
        finally:
            context.detach(token)


@contextmanager
def _span(name: str, attributes: dict[str, str | int | float | bool]) -> Iterator[Any]:
    tracer = trace.get_tracer("tsg_agent")
    # An exception's message may quote the incident: record only its type.
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise
