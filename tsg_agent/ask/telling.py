"""What was counted, in sentences, each with its row."""

from typing import Any

from tsg_agent.ask.figures import COUNTS, LATENCIES, MINIMUM, Counted, Metric, Wanted
from tsg_agent.ask.topics import Topic
from tsg_agent.llm.rows import row_of
from tsg_agent.models import Measure, Parameters
from tsg_agent.settings import Settings
from tsg_agent.wording import count, listed, number, percent, some, subject_name

SHOWN = 5
MOST = 50
_WORDS = {
    Measure.SERVER_ERRORS: "failed (5xx)",
    Measure.RATE_LIMITED: "were rate limited (429)",
    Measure.CLIENT_ERRORS: "were refused (4xx)",
}


class Told:
    """Sentences, the rows that they cite, and what could not be honoured."""

    def __init__(self, *, queries: int = 0) -> None:
        """`queries`: those that were told before it, whose ids are taken."""
        self.parts: list[str] = []
        self.evidence: dict[str, str] = {}
        self.caveats: list[str] = []
        self._queries = queries

    def figures(self, found: Counted, wanted: Wanted, topic: Topic, parameters: Parameters, settings: Settings) -> None:
        """Say what was counted: a ranking, or one sentence for each group."""
        self._queries += 1
        metric = topic.metric or Metric.FAILURES
        if lacks := _lacks(found, metric):
            self.caveats.append(f"{lacks} cannot be said: the telemetry has no {listed(list(found.lacking))}.")
            return
        if not found.rows:
            self.parts.append(f"{_subject({}, wanted)}: no request in this window and region.")
            return
        rows, words = _ordered(found, topic, metric) if wanted.by else (found.rows, "")
        shown = rows[: min(topic.limit or (MOST if topic.compares else SHOWN), MOST)] if wanted.by else rows[:MOST]
        lines = []
        for place, row in enumerate(shown, 1):
            identity = f"Q{self._queries}.{place}"
            subject = {k: str(v) for k, v in row.items() if k not in COUNTS and v is not None}
            said = (
                _latency(row, topic.latency) if metric is Metric.LATENCY else _row(row, metric, wanted, found, settings)
            )
            head = f"{place}. " if wanted.by else ""
            lines.append(f"{head}{_subject(subject, wanted)}: {said} [{identity}]")
            self.evidence[identity] = row_of(identity, _rounded(row)).words
        if wanted.by:
            lines.insert(0, f"{words}:")
            lines += self._rest(rows, found, topic, shown)
        elif found.entry:
            lines.append(
                f"(counted at {found.entry}, where customers' requests arrive; inner calls are not counted twice)"
            )
        if metric is Metric.AVAILABILITY and not wanted.by and not wanted.names:
            lines.append(f"The SLA threshold is {percent(parameters.threshold)}.")
        self.parts.append("\n".join(lines))
        if found.failures_only and topic.rate:
            what = listed([name.replace("_", " ") for name in ([wanted.by.column] if wanted.by else wanted.names)])
            self.caveats.append(f"No share can be said: only failed requests carry the {what}.")

    def _rest(self, rows: list[dict[str, Any]], found: Counted, topic: Topic, shown: list[dict[str, Any]]) -> list[str]:
        more = len(rows) - len(shown)
        told = [f"(and {count(more)} more)" if more and not topic.limit else ""]
        if topic.limit and topic.limit > len(shown):
            told.append(f"(there are only {len(shown)})" if len(shown) < MOST else f"(at most {MOST} are shown)")
        left = len(found.rows) - len(rows)
        if left:
            told.append(
                f"({some(left, 'group')} of fewer than {MINIMUM} requests left out: a share of so few says little)"
            )
        return [line for line in told if line]


def _lacks(found: Counted, metric: Metric) -> str:
    needed = {Metric.LATENCY: "latency_ms", Metric.USERS: "user_id", Metric.REQUESTS: ""}.get(metric, "status_code")
    if any("." in name or name == "api_gateway_logs" for name in found.lacking):
        return "This"
    return (
        {"latency_ms": "Latency", "user_id": "Users", "status_code": "Failures"}[needed]
        if needed in found.lacking
        else ""
    )


def _ordered(found: Counted, topic: Topic, metric: Metric) -> tuple[list[dict[str, Any]], str]:
    """The groups in the order that is asked for, and the order in words."""
    latency = topic.latency or "p95"
    keys = {
        Metric.LATENCY: (f"{latency}_ms", f"{latency} latency"),
        Metric.REQUESTS: ("requests", "requests"),
        Metric.USERS: ("users_failed", "users with a failed request"),
        Metric.AVAILABILITY: ("failure_rate", "share of failed requests"),
        Metric.FAILURES: ("failure_rate", "share of failed requests")
        if topic.rate
        else ("failures", "failed requests"),
    }
    column, words = keys[metric]
    if found.failures_only and column == "failure_rate":
        column, words = "failures", "failed requests"
    if topic.code is not None or topic.measure in (Measure.RATE_LIMITED, Measure.CLIENT_ERRORS):
        words = words.replace("failed requests", _counted_as(topic.measure, topic.code))
    rows = [row for row in found.rows if row[column] is not None]
    if column not in ("failures", "requests", "users_failed"):
        rows = [row for row in rows if row["requests"] >= MINIMUM] or rows
    sign = 1 if topic.lowest else -1
    rows = sorted(rows, key=lambda row: (sign * row[column], sign * row["failures"], -row["requests"]))
    lowest = topic.lowest
    if metric is Metric.AVAILABILITY:
        words, lowest = "availability", not lowest
    return rows, f"Ordered by {words}, {'lowest' if lowest else 'highest'} first"


def _counted_as(measure: Measure, code: int | None) -> str:
    return f"requests answered {code}" if code is not None else f"requests that {_WORDS[measure]}"


def _row(row: dict[str, Any], metric: Metric, wanted: Wanted, found: Counted, settings: Settings) -> str:
    """What is counted of a row; a latency is told by _latency."""
    requests = some(row["requests"], "request")
    slow = f"took over {settings.thresholds.version.slow_ms / 1000:g} s"
    failed = f"were answered {wanted.code}" if wanted.code is not None else _WORDS.get(wanted.measure, slow)
    if metric is Metric.REQUESTS:
        return requests
    if metric is Metric.USERS:
        which = (
            "got a 5xx"
            if wanted.measure is Measure.SERVER_ERRORS and wanted.code is None
            else f"had requests that {failed}"
        )
        return f"{count(row['users_failed'])} of {some(row['users'], 'user')} {which}"
    if metric is Metric.AVAILABILITY:
        share = 100.0 * row["successes"] / row["requests"]
        failures = f"{count(row['failures'])} of {requests} {failed}"
        return f"availability {percent(100.0 - row['failure_rate'])} ({failures}); {percent(share)} answered 2xx"
    if found.failures_only:
        return f"{some(row['failures'], 'request')} {failed}"
    return f"{count(row['failures'])} of {requests} {failed}, {percent(row['failure_rate'])}"


def _latency(row: dict[str, Any], first: str) -> str:
    requests = some(row["requests"], "request")
    if row["p95_ms"] is None:
        return f"no latency is known of {requests}"
    names = dict.fromkeys([first, *LATENCIES] if first else LATENCIES)
    figures = [f"{name} {number(round(row[f'{name}_ms'], 1))} ms" for name in names]
    return f"latency {', '.join(figures)}, of {requests}"


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def _subject(row: dict[str, str], wanted: Wanted) -> str:
    if row:
        return _capital(subject_name(row))
    if wanted.names and all(len(values) == 1 for values in wanted.names.values()):
        return _capital(subject_name({column: value for column, (value,) in wanted.names.items()}))
    named = [subject_name({column: value}) for column, values in wanted.names.items() for value in values]
    return _capital(listed(named, 5)) if named else "All requests"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
