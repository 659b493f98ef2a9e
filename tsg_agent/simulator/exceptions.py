"""Error profiles by kind of fault: status, category, exception and message in the log.

Every fault draws from exceptions that also occur on a good day: the exception alone never gives the fault away.
"""

from dataclasses import dataclass

from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind


@dataclass(frozen=True)
class ErrorProfile:
    """One way to fail."""

    status: int
    category: str
    exception: str | None = None
    message: str | None = None

    @property
    def code(self) -> str:
        """The value of the error_code column."""
        return f"ERR_{self.status}"


NULL_POINTER = ErrorProfile(500, "APPLICATION", "NullPointerException", "Cannot read field of null")
ILLEGAL_STATE = ErrorProfile(500, "APPLICATION", "IllegalStateException", "Unexpected state during request handling")
SERIALIZATION = ErrorProfile(500, "APPLICATION", "SerializationException", "Could not decode message body")
TIMEOUT = ErrorProfile(504, "TIMEOUT", "TimeoutException", "Upstream did not answer within 4000 ms")
RESET = ErrorProfile(502, "NETWORK", "ConnectionResetException", "Connection reset by peer")
UNAVAILABLE = ErrorProfile(503, "AVAILABILITY", "ServiceUnavailableException", "Service temporarily unavailable")
POOL = ErrorProfile(503, "DEPENDENCY", "ConnectionPoolExhausted", "No connection available within 1000 ms")
DATABASE = ErrorProfile(500, "DATABASE", "QueryException", "Statement could not be executed")
DEPENDENCY = ErrorProfile(502, "DEPENDENCY", "DependencyException", "Dependency returned an invalid answer")

BACKGROUND = (TIMEOUT, UNAVAILABLE, RESET, NULL_POINTER, ILLEGAL_STATE, POOL, DATABASE, SERIALIZATION, DEPENDENCY)
CLIENT = (*(ErrorProfile(status, "CLIENT") for status in (404, 401, 400, 422)), ErrorProfile(429, "THROTTLING"))
CLIENT_WEIGHTS = (0.5, 0.2, 0.15, 0.13, 0.02)
THROTTLED = CLIENT[-1]
REDIRECTS = (302, 304)

_BY_KIND = {
    FaultKind.VERSION: (NULL_POINTER, SERIALIZATION, TIMEOUT),
    FaultKind.FLAG: (ILLEGAL_STATE, NULL_POINTER),
    FaultKind.REGION: (UNAVAILABLE, TIMEOUT, RESET),
    FaultKind.PARTITION: (DATABASE, TIMEOUT, POOL),
    FaultKind.ZONE: (UNAVAILABLE, RESET, TIMEOUT),
    FaultKind.ENDPOINT: (ILLEGAL_STATE, TIMEOUT),
    FaultKind.PRODUCT: (ILLEGAL_STATE, DEPENDENCY),
    FaultKind.WORKFLOW: (TIMEOUT, ILLEGAL_STATE),
    FaultKind.ERROR: (POOL, TIMEOUT),
}


def profiles_of(fault: Fault) -> tuple[ErrorProfile, ...]:
    """The error profiles of the requests that a fault hits: its own, else those of its kind."""
    if fault.effect is FaultEffect.RATE_LIMIT:
        usual: tuple[ErrorProfile, ...] = (THROTTLED,)
    elif fault.effect is FaultEffect.CLIENT_ERRORS:
        usual = (ErrorProfile(400, "CLIENT"), ErrorProfile(422, "CLIENT"))
    else:
        usual = _BY_KIND.get(fault.kind, BACKGROUND)
    first = usual[0]
    if fault.exception_type:
        known = [profile for profile in BACKGROUND if profile.exception == fault.exception_type]
        first = known[0] if known else ErrorProfile(first.status, first.category, fault.exception_type, first.message)
        usual = (first,)
    if not (fault.status or fault.error_category or fault.exception_message):
        return usual
    return tuple(
        ErrorProfile(
            fault.status or profile.status,
            fault.error_category or profile.category,
            profile.exception,
            fault.exception_message or profile.message,
        )
        for profile in usual
    )
