"""Step 10: which errors, of which components and dependencies, weigh most?"""

from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa

from tsg_agent.columns import Nature, of_nature
from tsg_agent.models import Action, Cause, Finding, Measure, Subject
from tsg_agent.settings import AllThresholds, ErrorThresholds
from tsg_agent.steps.remedy import Order, Remedy, Situation, action, named, only_for, owned
from tsg_agent.steps.rule import Arm, Rates, Rule
from tsg_agent.steps.step import Sums, rows_about
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import REQUEST_COLUMNS, Row, WindowArgs, column, descending, text_key
from tsg_agent.wording import name, one_line, subject_name


class ErrorRow(Row):
    """One kind of error of one component and dependency."""

    error_category: str | None = column("the error's category")
    exception_type: str | None = column("the exception")
    service_component: str | None = column("the component that failed")
    dependency_name: str | None = column("the dependency it called")
    total_occurrences: int = column("requests that failed so")
    total_affected_users: int | None = column("distinct users who met it; NULL where no error names one")
    error_velocity: float | None = column("errors per hour between the first and the last; NULL if at one instant")
    error_pattern: str = column("the guide's label of the pattern")
    priority: str = column("the guide's label of the priority")
    most_common_message: str | None = column("the commonest message of this category and exception")
    hours_since_start: float = column("from its first occurrence to the window's end", "hours")
    impact_score: float = column("the guide's weighted sum of errors, users, cascades and velocity")
    rank: int = column("1 has the highest impact")
    unique_stacktraces: int = column("distinct stack traces")
    total_retries: int | None = column("of the requests, retries")
    total_cascading: int | None = column("of the requests, failures that followed from others")
    minutes_seen: float = column("between the first and the last", "minutes")
    total_requests: int = column("requests of the service in the window")


PATTERN = Rule(
    "error",
    (
        Arm("SPIKE", lambda row, limits: row.error_velocity > limits.spike_per_hour),
        Arm("CASCADING", lambda row, limits: row.total_cascading > row.total_occurrences * limits.cascading_share),
        Arm("DEPENDENCY", lambda row, _: isinstance(row.dependency_name, str)),
        Arm("TRANSIENT", lambda row, limits: row.total_retries > row.total_occurrences * limits.transient_share),
    ),
    "PERSISTENT",
)
PRIORITY = Rule(
    "error",
    (
        Arm("CRITICAL", lambda row, _: row.error_pattern == "CASCADING"),
        Arm(
            "URGENT",
            lambda row, limits: (row.error_pattern == "SPIKE") & (row.hours_since_start < limits.urgent_hours),
        ),
        Arm("HIGH", lambda row, limits: row.total_affected_users > limits.high_users),
        Arm("MEDIUM", lambda row, _: row.error_pattern == "DEPENDENCY"),
    ),
    "LOW",
)
"""How soon it wants a hand."""


def impact(row: dict[str, Any], limits: ErrorThresholds) -> float:
    """The guide's weighted sum; what is unknown counts nothing."""
    return float(
        row["total_occurrences"] * limits.occurrence_weight
        + (row["total_affected_users"] or 0) * limits.users_weight
        + (row["total_cascading"] or 0) * limits.cascading_weight
        + (row["error_velocity"] or 0) * limits.velocity_weight
    )


COMPARED = "its failing requests' own errors, against those of a good hour, would settle it"


def fix(cause: Cause, situation: Situation, columns: tuple[str, ...]) -> Action | None:
    """The exception, where it fails, with its commonest message."""
    if not named(cause, columns):
        return None
    places = named(cause, of_nature(Nature.COMPONENT))
    error = cause.detail.get("exception_type") or cause.subject.get("exception_type")
    message = cause.detail.get("message")
    what = name(error) if error else "what fails"
    text = f"fix {what}{f' in {subject_name(places)}' if places else ''}{only_for(cause, columns)}"
    text += f" (most frequent message: “{one_line(message, 120)}”)" if message else ""
    return owned(action("fix_error", text, cause, exception_type=error), cause, situation)


class Errors(Plugin[ErrorRow]):
    """Ranks the service's errors (5xx) by category, exception, component and dependency.

    Use it when a component, a dependency or a kind of exception may be the cause. Patterns: SPIKE (over
    {error.spike_per_hour:g} an hour), CASCADING, DEPENDENCY, TRANSIENT, PERSISTENT; priorities: {labels}.
    A high count alone proves nothing: what failed just as often before the incident is not its
    cause.
    """

    number = 9
    noun = "errors"
    step = 10
    title = "Top errors"
    question = "Which errors, of which components and dependencies, weigh most?"
    needs = (
        Needs(
            "api_gateway_logs",
            (*REQUEST_COLUMNS, "status_code"),
            (
                "error_code",
                "error_category",
                "exception_type",
                "exception_message",
                "stack_trace_hash",
                "service_component",
                "dependency_name",
                "user_id",
                "is_retry",
                "is_cascading_failure",
                "is_test_traffic",
            ),
        ),
    )
    row = ErrorRow
    label_column = "priority"
    heading = "Error patterns"
    dimensions = ("dependency_name", "service_component", "error_category", "exception_type")
    remedies: ClassVar = {Remedy(Order.FIX, fix, COMPARED): dimensions}
    rule = PRIORITY
    resolves: ClassVar = dict.fromkeys(("CRITICAL", "URGENT"), "fix_error")
    nothing = "NO_ERRORS"
    labels_rows = True

    def groups(self, table: pa.Table) -> list[dict[str, Any]]:
        """The errors. Requests without any are one group without occurrences; no requests are no group."""
        return [row for row in super().groups(table) if row["total_requests"]]

    def assess(self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs) -> Assessment[ErrorRow]:
        """Score, rank and label the errors; the guide shows the first ten."""
        limits = thresholds.error
        errors = [group for group in groups if group["total_occurrences"]]
        ordered = sorted(errors, key=lambda group: _order(group, impact(group, limits)))
        rows = []
        for rank, group in enumerate(ordered, 1):
            row = ErrorRow(**group, error_pattern="", priority="", impact_score=impact(group, limits), rank=rank)
            name, patterns = PATTERN.label(row, limits)
            row = row.model_copy(update={"error_pattern": name})
            urgency, priorities = self.rule.label(row, limits)
            rows.append(row.model_copy(update={"priority": urgency, "also": (*patterns, *priorities)}))
        return Assessment(
            rows[: limits.limit], enough=len(groups), truncated=len(rows) > limits.limit, groups=len(errors)
        )

    def rates_of(self, columns: tuple[str, ...], values: Sequence[tuple[str, ...]], sums: Sums, limits: Any) -> Rates:
        """Of an error that is not among the rows shown it is known whether it is a dependency's."""
        known = Rates({column: column for column in columns}, self.row.model_fields)
        return Rates({"error_pattern": PATTERN.of(known, limits)[0]}, self.row.model_fields)

    def asked(self, sums: Sums, limits: Any) -> Any:
        """Every error gets a label."""
        return sums.percent(Measure.SERVER_ERRORS) > 0

    def detail(self, finding: Finding | None, subject: Subject, exception: str | None) -> dict[str, Any]:
        """The exception, and its commonest message where most errors of that kind are the subject's.

        The guide counts messages by category and exception, wherever they occur: of a kind that occurs mostly elsewhere
        it is another's message, and where a source names neither it is anybody's.
        """
        told = {"exception_type": exception} if exception else {}
        about = rows_about(finding, {**subject, **told}) if finding else []
        if finding is None or not about:
            return told
        first = about[0][1]
        kind = first["error_category"], first["exception_type"]
        alike = [(row, (row["error_category"], row["exception_type"]) == kind) for row in finding.rows]
        everywhere = sum(row["total_occurrences"] for row, same in alike if same)
        own = sum(
            row["total_occurrences"] for _, row in about if (row["error_category"], row["exception_type"]) == kind
        )
        message = first["most_common_message"]
        return {**told, "message": message} if any(kind) and message and 2 * own > everywhere else told


def _order(group: dict[str, Any], score: float) -> tuple[Any, ...]:
    keys = ("error_category", "exception_type", "service_component", "dependency_name")
    return (descending(score), *(text_key(group[key]) for key in keys))
