"""One investigation's evidence, for sentences about it."""

from decimal import Decimal

from tests.samples import finding, parameters
from tsg_agent.llm.cited_rows import CitableEvidence, CitableRow, Fact, action_row, row_of, rows_of
from tsg_agent.models import Action, Rate, Status

VERSIONS = finding(
    2,
    {"service_version": "3.15.0", "total_count": 23600, "failure_rate": 5.104, "prev_failure_rate": 0.031,
     "failure_rate_delta": 5.073, "slow_rate": 0.0, "overall_avg_latency": 2304.4, "max_p99_latency": 8512.0,
     "assessment": "REGRESSION_DETECTED", "previous_version": "3.14.2"},
    {"service_version": "3.14.2", "total_count": 18020, "failure_rate": 0.031, "prev_failure_rate": None,
     "failure_rate_delta": None, "overall_avg_latency": 310.0, "max_p99_latency": 1210.0,
     "assessment": "NO_REGRESSION", "previous_version": None},
    label="REGRESSION_DETECTED",
    columns={
        "service_version": "the version", "total_count": "requests", "failure_rate": "requests answered 5xx, percent",
        "prev_failure_rate": "the same of the version before it, percent",
        "slow_rate": "requests slower than the limit, percent",
        "failure_rate_delta": "rise over the version before it, percentage points",
        "overall_avg_latency": "mean of the minutes' mean latencies, ms",
        "max_p99_latency": "highest 99th percentile of a minute, ms",
        "assessment": "the guide's label", "previous_version": "the version before it",
    },
)  # fmt: skip
REGIONS = finding(
    4,
    {"region": "us-east", "total_count": 30012, "availability_pct": 93.42, "failure_count": 1204,
     "health_status": "CRITICAL"},
    {"region": "us-west", "total_count": 28440, "availability_pct": 99.71, "failure_count": 61,
     "health_status": "HEALTHY"},
    label="CRITICAL",
    columns={"region": "the region", "total_count": "requests", "availability_pct": "requests answered 2xx, percent",
             "failure_count": "requests answered 5xx", "health_status": "the guide's label"},
)  # fmt: skip
ERRORS = finding(
    10,
    {"exception_type": "TimeoutException", "service_component": "payments", "dependency_name": "card-gateway",
     "total_occurrences": 1104, "minutes_seen": 54.5, "most_common_message": "gave up after 5000 ms"},
    label="SPIKE",
    columns={"exception_type": "the exception", "service_component": "the component", "dependency_name": "the dep.",
             "total_occurrences": "requests", "minutes_seen": "between the first and the last, minutes",
             "most_common_message": "the commonest message"},
)  # fmt: skip


WORKFLOWS = finding(
    9, label="", status=Status.NOT_APPLICABLE, reason="The telemetry has no workflow_tracking.", columns={}
)
PRODUCTS = finding(
    8, status=Status.NOT_APPLICABLE, reason="The telemetry has no product_metadata and no api_gateway_logs.is_retry.",
    columns={},
)  # fmt: skip
LOOK = Action(
    kind="close_gaps", urgency="look", target={},
    statement="Look by hand at what was not checked: Steps 2, 3 and 5 to 7 (not applicable).",
)  # fmt: skip
QUERIES = [
    row_of("Q1.1", {"endpoint_path": "/api/v1/auth", "http_method": "DELETE", "requests": 1560,
                    "failed_5xx": Decimal(73), "failed_pct": 4.68, "period": "before 14:00", "status_code": 500,
                    "error_rate_before_0100": 100.0}),
    row_of("Q1.2", {"endpoint_path": "/api/v1/cart", "http_method": "GET", "requests": 1612,
                    "failed_5xx": Decimal(75), "failed_pct": 4.65, "period": "since 14:00", "status_code": 200,
                    "error_rate_before_0100": 0.5}),
]  # fmt: skip


def _cause() -> CitableRow:
    row = CitableRow("C1", step=2, confirmed=True)
    row.name("service_version", "3.15.0")
    row.name("label", "REGRESSION_DETECTED")
    row.say("confirmed")
    row.rate(Rate(failures=1204, requests=23600), "after")
    row.rate(Rate(failures=4, requests=12000), "before")
    row.rate(Rate(failures=30, requests=10000), "rest")
    row.compare()
    row.codes |= {"5xx", "429"}
    return row


def _suspect() -> CitableRow:
    row = CitableRow("C2", step=5, confirmed=False)
    row.name("shard_id", "shard_12")
    row.rate(Rate(failures=76, requests=1455), "after")
    return row


def _roll_back() -> CitableRow:
    row = CitableRow("A1", action="roll back version 3.15.0 to 3.14.2. [e2.1]")
    row.name("service_version", "3.15.0")
    row.name("roll_back_to", "3.14.2")
    return row


def _repair() -> CitableRow:
    row = CitableRow("A2", action="repair 609 runs of workflow payment_processing that failed without compensation.")
    row.name("scenario_name", "payment_processing")
    row.facts.append(Fact(609.0))
    return row


def _sla() -> CitableRow:
    row = CitableRow("SLA", codes={"5xx", "2xx"}, words="threshold 99.9 % breached")
    row.facts += [Fact(99.9, "percent"), Fact(97.13, "percent", "after"), Fact(99.962, "percent", "before")]
    row.facts += [Fact(float(n), "", "before") for n in (5, 13001)] + [Fact(float(n), "", "after") for n in (92, 3201)]
    return row


def evidence() -> CitableEvidence:
    rows = [
        *rows_of([VERSIONS, REGIONS, ERRORS, WORKFLOWS, PRODUCTS]),
        *QUERIES,
        action_row("A3", LOOK),
        _cause(),
        _suspect(),
        _roll_back(),
        _repair(),
        _sla(),
    ]
    return CitableEvidence(rows, parameters())
