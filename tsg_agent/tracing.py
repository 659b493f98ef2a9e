"""Spans for whoever runs OpenTelemetry, and log records that say which investigation they are about.

Needs the API only (extra `otel`); without it, or without an SDK, nothing is done. No attribute holds text of an
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
"""The id of the investigation, or the question, that the current task or thread works for."""
_ABOUT = "tsg-about"


@contextmanager
def about(identity: str) -> Iterator[str]:
    """While an investigation, or a question, is worked for."""
    before = _INVESTIGATION.set(identity)
    try:
        yield identity
    finally:
        _INVESTIGATION.reset(before)


class WithInvestigation(logging.Filter):
    """Gives each log record `investigation`: put it on a handler, and `%(investigation)s` into its format."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        record.investigation = _INVESTIGATION.get()
        return True


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[Any]:
    """A span around a piece of work, below the current one. Attributes get `tsg.` before their names."""
    if trace is None:
        return nullcontext()
    return _span(name, {f"tsg.{key}": value for key, value in attributes.items()})


def carried() -> dict[str, str]:
    """The current span, and what is worked for, to be told to another process."""
    carrier = {_ABOUT: _INVESTIGATION.get()}
    if trace is not None:
        TraceContextTextMapPropagator().inject(carrier)
    return carrier


@contextmanager
def within(carrier: Mapping[str, str]) -> Iterator[None]:
    """Below a span of another process, and for what that works for."""
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
    # An exception's message may quote the incident: its type is all that is told.
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise
