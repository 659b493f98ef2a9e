"""The guide's labels for single dimensions: its rows are combinations too fine to judge.

The same rules and thresholds as the plugins', over the measured shares: p95 over a limit means that more than 5 % are
slower, p99 that more than 1 % are. NaN (no requests) is over and under nothing, as NULL is.
"""

from collections.abc import Callable

import numpy as np

from tsg_agent.evidence.measurement import Table
from tsg_agent.models import Measure
from tsg_agent.settings import AllThresholds
from tsg_agent.verdicts.sums import Figures, Mask

Arm = tuple[str, Mask]
M = Measure


def labels_of(table: Table, figures: Figures, traffic: Figures, limits: AllThresholds) -> list[str]:
    """Each value's label over a span, "" for what is healthy. `traffic`: the window's sums, for the minimum traffic.

    Step 9 and the latency of resources are not here: their labels come from the workflow analysis and the findings.
    """
    rule = RULES.get(table.dimension.step)
    if rule is None:
        return [""] * len(table.values)
    arms, minimum = rule(table, figures, limits)
    enough = traffic.requests > minimum
    names = [""] * len(table.values)
    for label, holds in reversed(arms):
        for row in np.nonzero(holds & enough)[0]:
            names[row] = label
    return names


def newest_and_previous(table: Table, traffic: Figures, limits: AllThresholds) -> tuple[int, int] | None:
    """Rows of the newest version with enough traffic and of the one before it; None without two."""
    keys, least = table.versions.keys, limits.version.minimum_requests
    readable = [
        (keys[version], row)
        for row, (version,) in enumerate(table.values)
        if version in keys and traffic.requests[row] > least
    ]
    if len({key for key, _ in readable}) < 2:
        return None
    ordered = sorted(readable, reverse=True)
    return ordered[0][1], ordered[1][1]


def _success(figures: Figures) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return 100.0 - figures.percent(M.NOT_SUCCESSFUL)


def _versions(table: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.version
    pair = newest_and_previous(table, figures, limits)
    newest = np.zeros(len(table.values), bool)
    worse = np.zeros(len(table.values), bool)
    if pair:
        rates = figures.percent(M.SERVER_ERRORS)
        newest[pair[0]] = True
        worse[pair[0]] = rates[pair[0]] - rates[pair[1]] > t.regression_points
    slow = figures.percent(M.SLOW) > t.slow_rate
    return [("REGRESSION_DETECTED", worse), ("PERFORMANCE_DEGRADATION", newest & slow)], t.minimum_requests


def _flags(_: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.flag
    errors, n = figures.percent(M.SERVER_ERRORS), figures.requests
    high = ((errors > t.error_rate) & (n > t.error_requests)) | flag_action(figures, limits)
    slow = (figures.percent(M.SLOW) > 5) & (n > t.p95_requests)
    return [("HIGH_ERROR_RATE", high), ("HIGH_LATENCY", slow)], t.minimum_requests


def flag_action(figures: Figures, limits: AllThresholds) -> Mask:
    """The guide's prose in Step 3: over 8 % errors on over 1,000 requests."""
    t = limits.flag
    result: Mask = (figures.percent(M.SERVER_ERRORS) > t.action_error_rate) & (figures.requests > t.action_requests)
    return result


def _regions(_: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.region
    success = _success(figures)
    return [("CRITICAL", success < t.critical), ("WARNING", success < t.warning)], t.minimum_requests


def _partitions(_: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.partition
    return [
        ("HIGH_ERRORS", figures.percent(M.SERVER_ERRORS) > t.error_rate),
        ("HIGH_LATENCY", figures.mean_latency > t.latency_ms),
        ("LOW_SUCCESS", _success(figures) < t.success),
    ], t.minimum_requests


def _zones(_: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.zone
    success = _success(figures)
    return [
        ("CRITICAL", success < t.critical),
        ("DEGRADED", success < t.degraded),
        ("INFRASTRUCTURE_ISSUES", figures.percent(M.SERVER_ERRORS) > t.infrastructure_error_rate),
        ("PERFORMANCE_ISSUES", figures.mean_latency > t.latency_ms),
    ], t.minimum_requests


def _endpoints(_: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.endpoint
    return [
        ("HIGH_SERVER_ERRORS", figures.percent(M.SERVER_ERRORS) > t.server_error_rate),
        ("LOW_SUCCESS_RATE", _success(figures) < t.success),
        ("HIGH_LATENCY", figures.percent(M.SLOW) > 1),
        ("HIGH_CLIENT_ERRORS", figures.percent(M.CLIENT_ERRORS) > t.client_error_rate),
    ], t.minimum_requests


def _products(table: Table, figures: Figures, limits: AllThresholds) -> tuple[list[Arm], float]:
    t = limits.product
    success = _success(figures)
    is_tier = table.dimension.columns == ("customer_tier",)
    tiers = np.asarray([value[0] if is_tier else "" for value in table.values], dtype=object)
    return [
        ("SLA_BREACH_PREMIUM", (tiers == "PREMIUM") & (success < t.premium_success)),
        ("SLA_BREACH_STANDARD", (tiers == "STANDARD") & (success < t.standard_success)),
        ("CRITICAL", success < t.critical),
        ("HIGH_RETRY_RATE", figures.percent(M.RETRIES) > t.retry_rate),
        ("PERFORMANCE_DEGRADED", figures.mean_latency > t.latency_ms),
    ], t.minimum_requests


def _errors(table: Table, figures: Figures, _: AllThresholds) -> tuple[list[Arm], float]:
    """Step 10 labels every error; what is not among the rows shown is at least of low priority."""
    failed = figures.failures[M.SERVER_ERRORS] > 0
    depends = np.asarray(["dependency_name" in table.dimension.columns] * len(table.values))
    return [("MEDIUM", failed & depends), ("LOW", failed)], 0


RULES: dict[int, Callable[[Table, Figures, AllThresholds], tuple[list[Arm], float]]] = {
    2: _versions,
    3: _flags,
    4: _regions,
    5: _partitions,
    6: _zones,
    7: _endpoints,
    8: _products,
    10: _errors,
}
HEALTHY: dict[int, str] = {
    2: "NO_REGRESSION",
    3: "NORMAL",
    4: "HEALTHY",
    5: "HEALTHY",
    6: "HEALTHY",
    7: "NORMAL",
    8: "HEALTHY",
    9: "NO_CRITICAL_FAILURE",
    10: "NO_ERRORS",
}
