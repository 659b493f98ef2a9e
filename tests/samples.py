"""Investigations made by hand, for the tests of the conclusion and of the report."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tsg_agent.conclude import conclude
from tsg_agent.models import (
    Availability,
    Confidence,
    Contrast,
    Course,
    Effect,
    Finding,
    Gate,
    Group,
    Judgement,
    Measure,
    MeasuredRow,
    Mention,
    Onset,
    OnsetKind,
    Parameters,
    Point,
    Rate,
    Reach,
    Report,
    Series,
    Sla,
    Start,
    Status,
    Tier,
    Trend,
    Usage,
    Verdict,
    Visible,
)
from tsg_agent.settings import AllThresholds
from tsg_agent.tools import GUIDE

Pair = tuple[int, int]
START = datetime(2026, 3, 10, 14, 5, tzinfo=UTC)
TITLES = {
    2: ("Service version regression", "NO_REGRESSION"),
    3: ("Feature flag impact", "NORMAL"),
    4: ("Regional availability", "HEALTHY"),
    5: ("Partition availability", "HEALTHY"),
    6: ("Zone availability", "HEALTHY"),
    7: ("Endpoint availability", "NORMAL"),
    8: ("Product availability", "HEALTHY"),
    9: ("Workflow completion", "NO_CRITICAL_FAILURE"),
    10: ("Top errors", "NO_ERRORS"),
}


def parameters(**changes: Any) -> Parameters:
    values: dict[str, Any] = {
        "region": "us-east",
        "service_name": "shop.api",
        "environment": "prod",
        "start_time": START - timedelta(hours=2),
        "end_time": START + timedelta(minutes=55),
        "incident_start": START,
        "threshold": 99.9,
    }
    return Parameters(**(values | changes))


def finding(step: int, *rows: dict[str, Any], label: str = "", **changes: Any) -> Finding:
    title, healthy = TITLES[step]
    check = GUIDE.by_number[step]
    values: dict[str, Any] = {
        "id": f"E{step}",
        "step": step,
        "plugin": step - 1,
        "tool": f"plugin_{step - 1}_tool",
        "title": title,
        "question": f"Is something wrong with {title.lower()}?",
        "status": Status.OK,
        "label": label or healthy,
        "labels": {label or healthy: len(rows)} if rows else {},
        "harmless": sorted(check.harmless),
        "rows": list(rows),
        "row_count": len(rows),
        "groups": max(3, len(rows)),
        "columns": {k: f"what {k} means" for k in (rows[0] if rows else {})},
        "sql": f"-- step {step}\nSELECT * FROM api_gateway_logs WHERE region = $region",
        "sql_parameters": {"region": "us-east"},
        "milliseconds": 41.7,
    }
    return Finding(**(values | changes))


def findings(*special: Finding) -> list[Finding]:
    """Nine findings, all healthy but the given ones."""
    given = {f.step: f for f in special}
    return [given.get(step) or finding(step) for step in TITLES]


def onset(
    kind: str = "worse", before: tuple[int, int] = (70, 23_300), after: tuple[int, int] = (1_204, 23_600)
) -> Onset:
    expected = after[1] * before[0] / before[1] if before[1] else 0
    return Onset(
        kind=OnsetKind(kind),
        before=Rate(failures=before[0], requests=before[1]),
        after=Rate(failures=after[0], requests=after[1]),
        excess=after[0] - expected,
        z=19.2,
        p=1e-80,
    )


def contrast(rest: Pair = (94, 23_500), *, significant: bool = True, **changes: Any) -> Contrast:
    values: dict[str, Any] = {
        "method": "difference_in_differences",
        "subject": Rate(failures=1_204, requests=23_600),
        "rest": Rate(failures=rest[0], requests=rest[1]),
        "difference": 4.7,
        "z": 17.0,
        "p": 1e-60,
        "significant": significant,
    }
    return Contrast(**(values | changes))


def verdict(step: int, label: str, subject: dict[str, str], **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "subject": subject,
        "step": step,
        "label": label,
        "measure": Measure.SERVER_ERRORS,
        "tier": {2: Tier.POTENTIAL, 3: Tier.POTENTIAL, 9: Tier.DEFINITIVE}.get(step, Tier.SYMPTOM),
        "onset": onset(),
        "contrast": contrast(),
        "confidence": Confidence.CONFIRMED,
        "evidence": [f"E{step}.1"],
    }
    return Verdict(**(values | changes))


def suspect(step: int, label: str, subject: dict[str, str], **changes: Any) -> Verdict:
    shortfalls = ["only 4 failures more than expected, 5 are needed"]
    values = {"confidence": Confidence.SUSPECTED, "shortfalls": shortfalls} | changes
    return verdict(step, label, subject, **values)


def dismissed(step: int, label: str, subject: dict[str, str], why: str, reason: str, **changes: Any) -> Verdict:
    return verdict(step, label, subject, confidence=None, dismissal=why, reason=reason, **changes)


def series(subject: dict[str, str], quiet: float, loud: float, requests: int = 900) -> Series:
    """Five-minute buckets over the window: a failing share of `quiet` percent before the start, `loud` after."""
    points = []
    for i in range(35):
        time = START + timedelta(minutes=5 * i - 120)
        share = loud if time >= START else quiet
        wobble = 1 + 0.3 * ((i * 7) % 5 - 2) / 2
        points.append(
            Point(time=time, requests=requests + 40 * (i % 7), failures=round(requests * share * wobble / 100))
        )
    return Series(subject=subject, measure=Measure.SERVER_ERRORS, points=points)


MEASURED = Start(
    measured=START, earliest=START, latest=START + timedelta(minutes=1), reported=START, measure=Measure.SERVER_ERRORS
)
DOUBTED = Start(reported=START, doubted=True)


def judgement(
    *causes: Verdict, rejected: tuple[Verdict, ...] = (), opened: bool | None = None, **changes: Any
) -> Judgement:
    """With a cause or an open gate the start is measured; else a reported one is doubted."""
    is_open = bool(causes) if opened is None else opened
    gate = Gate(measure=Measure.SERVER_ERRORS, open=is_open, reason="z 21.0", onset=onset())
    values: dict[str, Any] = {
        "gates": [gate],
        "causes": list(causes),
        "rejected": list(rejected),
        "series": [series({}, 0.05, 5.0 if is_open else 0.05)],
        "measured": [],
        "start": MEASURED if is_open or causes else DOUBTED,
    }
    return Judgement(**(values | changes))


def availability(requests: int, errors: int) -> Availability:
    good = 100 * (requests - errors) / requests if requests else None
    return Availability(
        requests=requests, server_errors=errors, successes=requests - errors, availability=good, success_rate=good
    )


def sla(before: int = 20, after: int = 1_204, requests: int = 23_600, threshold: float = 99.9) -> Sla:
    spans = {"before": availability(50_000, before), "after": availability(requests, after)}
    window = availability(50_000 + requests, before + after)
    share = spans["after"].availability
    breached = None if share is None else share < threshold
    return Sla(
        threshold=threshold,
        breached=breached,
        status=Status.NO_DATA if share is None else Status.OK,
        reason="no request of shop.api was seen after 14:05 UTC (50,000 before)" if share is None else "",
        measured_on="all requests of the service",
        window=window,
        **spans,
    )


def report(judged: Judgement, *special: Finding, **changes: Any) -> Report:
    """What `conclude` makes of it. Where no start was reported, none was measured either."""
    given = changes.pop("parameters", parameters())
    if given.incident_start is None:
        judged = judged.model_copy(update={"start": Start()})
    return conclude(
        given,
        changes.pop("findings", findings(*special)),
        judged,
        changes.pop("sla", sla() if judged.causes else sla(after=9)),
        id="inv-0001",
        created=START + timedelta(hours=1),
        version="0.1.0",
        usage=Usage(milliseconds=1834.0, queries=14),
        thresholds=AllThresholds(),
        guide=GUIDE,
    )


def bad_version() -> Report:
    """A rollout that breaks payments: one cause, a workflow as its impact, four places where it shows."""
    versions = finding(
        2,
        _version("3.15.0", 1, 11_600, 10.3, before=0.21, delta=10.09, label="REGRESSION_DETECTED"),
        _version("3.14.1", 2, 62_000, 0.21, before=None, delta=None, label="NO_REGRESSION"),
        label="REGRESSION_DETECTED",
        labels={"REGRESSION_DETECTED": 1, "NO_REGRESSION": 1},
    )
    zones = finding(6, *(_zone(n, share) for n, share in (("a", 97.6), ("b", 97.4), ("c", 97.7))))
    workflows = finding(
        9,
        _workflow("checkout", "CRITICAL", 4_210, 90.4, label="CRITICAL_SCENARIO_FAILING", step="payment_authorization"),
        _workflow("search", "NORMAL", 9_950, 99.8, label="NO_CRITICAL_FAILURE", step=None),
        label="CRITICAL_SCENARIO_FAILING",
        labels={"CRITICAL_SCENARIO_FAILING": 1, "NO_CRITICAL_FAILURE": 1},
    )
    errors = finding(
        10,
        {
            "error_category": "BACKEND",
            "exception_type": "PaymentDeclinedError",
            "service_component": "payments",
            "dependency_name": None,
            "total_occurrences": 1190,
            "error_pattern": "SPIKE",
            "priority": "URGENT",
        },
        label="URGENT",
    )
    cause = verdict(
        2,
        "REGRESSION_DETECTED",
        {"service_version": "3.15.0"},
        onset=onset("appeared", (20, 50_000), (1_195, 11_600)),
        contrast=contrast((9, 12_000), method="cochran_mantel_haenszel", difference=10.2),
        detail={"roll_back_to": "3.14.1"},
        evidence=["E2.1", "M.1"],
        impact=[
            Visible(
                subject={"scenario_name": "checkout"},
                step=9,
                label="CRITICAL_SCENARIO_FAILING",
                before=Rate(failures=6, requests=2_100),
                after=Rate(failures=398, requests=2_110),
                without=Rate(failures=4, requests=1_020),
                evidence=["E9.1"],
            )
        ],
        effect=Effect(
            measure=Measure.SERVER_ERRORS,
            now=Rate(failures=1_204, requests=23_600),
            then=Rate(failures=33, requests=23_600),
        ),
        also_visible_in=[
            _visible({"service_component": "payments", "exception_type": "PaymentDeclinedError"}, 10, "SPIKE", 1_190),
            _visible({"http_method": "POST", "endpoint_path": "/v2/checkout"}, 7, "HIGH_SERVER_ERRORS", 1_012),
            _visible({"customer_tier": "PREMIUM"}, 8, "SLA_BREACH_PREMIUM", 410),
        ],
    )
    rejected = (
        dismissed(
            3,
            "HIGH_ERROR_RATE",
            {"flag_name": "one_page_checkout", "flag_value": "on"},
            "below_threshold",
            "5.1 % of requests failed with it against 2.9 % without; the guide's limit is 8 %",
            evidence=["M.2"],
        ),
        dismissed(
            10,
            "PERSISTENT",
            {"service_component": "recommendations"},
            "unchanged",
            "failing before, unchanged: 50.1 % before, 49.8 % after",
            evidence=["M.3"],
        ),
    )
    judged = judgement(
        cause,
        rejected=rejected,
        series=[
            series({}, 0.05, 5.1),
            series({"service_version": "3.15.0"}, 0.05, 10.3, 400),
            series({"service_version": "3.14.1"}, 0.05, 0.08, 500),
            series({"scenario_name": "checkout"}, 0.3, 18.0, 40),
        ],
        measured=[
            _measured(1, {"service_version": "3.15.0"}, None, (1_195, 11_600)),
            _measured(2, {"flag_name": "one_page_checkout", "flag_value": "on"}, (30, 9_000), (460, 9_020)),
            _measured(3, {"service_component": "recommendations"}, (501, 1_000), (498, 1_000)),
        ],
        reach=Reach(
            users_hit=702,
            users=5_120,
            traffic=Rate(failures=11_600, requests=23_600),
            tiers=[_group({"customer_tier": "FREE"}, 5, 480), _group({"customer_tier": "PREMIUM"}, 9, 410, out=True)],
            regions=[_group({"region": "eu-west"}, 6, 5)],
        ),
        course=_course(Trend.WORSE, 390, 301),
        mentioned=[
            Mention(words="3.15.0", kind="version", subject={"service_version": "3.15.0"}),
            Mention(words="premium customers", kind="customer tier", subject={"customer_tier": "PREMIUM"}),
            Mention(words="recommendations", kind="component", subject={"service_component": "recommendations"}),
            Mention(words="the cache", kind="cache"),
        ],
        notes=["The service's own component (shop.api) yields to the component that has most of its failures."],
    )
    return report(judged, versions, zones, workflows, errors)


def no_incident() -> Report:
    return report(judgement())


def only_gaps() -> Report:
    """Requests only: no flags, products, workflows; a query that timed out; a start that nobody knows."""
    lacking = [
        finding(3, status=Status.NOT_APPLICABLE, label="-", reason="The telemetry has no table feature_flags."),
        finding(5, status=Status.NO_DATA, reason="No row matched the window, region, service and environment."),
        finding(6, status=Status.TIMEOUT, reason="The query was cancelled after 60 s. Raise TSG_QUERY_TIMEOUT."),
        finding(8, status=Status.ERROR, reason="product_metadata.product_id is not text."),
        finding(9, status=Status.INSUFFICIENT_DATA, reason="All 12 runs are still running."),
        finding(2, notes=["Version 3.16.0 had 412 requests (canary: newer than every version compared)."]),
    ]
    window = sla(after=1_204)
    return report(
        judgement(opened=True),
        *lacking,
        parameters=parameters(incident_start=None),
        sla=window.model_copy(update={"before": None, "after": None}),
    )


def only_suspects() -> Report:
    shard = suspect(
        5,
        "HIGH_ERRORS",
        {"shard_id": "s-07"},
        onset=onset("unknown", (0, 3_000), (4, 700)),
        contrast=contrast((2, 9_000), significant=False),
    )
    region = suspect(4, "WARNING", {"region": "us-east"}, onset=onset("worse", (3, 9_000), (16, 3_000)))
    row = {"shard_id": "s-07", "total_requests": 3_700, "error_rate": 0.11, "partition_status": "HEALTHY"}
    return report(judgement(shard, region, opened=False), finding(5, row), sla=sla(after=26))


def two_that_are_over() -> Report:
    """A flag and a shard at once; it is over."""
    flag = verdict(
        3,
        "HIGH_ERROR_RATE",
        {"flag_name": "one_page_checkout", "flag_value": "on"},
        onset=onset("worse", (30, 9_000), (910, 9_020)),
        contrast=contrast((110, 14_000), difference=9.0),
        detail={"leave_value": "on", "other_values": ["off"]},
        effect=Effect(
            measure=Measure.SERVER_ERRORS,
            now=Rate(failures=1_204, requests=23_600),
            then=Rate(failures=330, requests=23_600),
        ),
    )
    shard = verdict(5, "HIGH_ERRORS", {"shard_id": "s-07"}, onset=onset("new", (0, 1_000), (290, 1_100)))
    ended = MEASURED.model_copy(update={"ended": START + timedelta(minutes=40), "reported": START - timedelta(hours=1)})
    judged = judgement(
        flag,
        shard,
        start=ended,
        course=_course(Trend.OVER, 2, 900),
        reach=Reach(users_hit=4, users=9),
        mentioned=[
            Mention(words="s-09", kind="shard", after=Rate(failures=1, requests=4), subject={"shard_id": "s-09"})
        ],
    )
    return report(judged)


HOSTILE = (
    "<script>alert(1)</script>|[link](javascript:alert(2))\x1b[31mred\x1b]8;;http://evil.example\x07x"
    "\u202egnp.exe\n# heading\n```\n[bold]rich[/bold] \"quoted\" 'single' &amp; {{ 7*7 }} ]]> --> </svg></style>"
)


def hostile() -> Report:
    """Every text that telemetry or a person could choose is hostile."""
    cause = verdict(
        10,
        HOSTILE,
        {"service_component": HOSTILE, "exception_type": HOSTILE},
        detail={"exception_type": HOSTILE, "message": HOSTILE},
        also_visible_in=[_visible({HOSTILE: HOSTILE}, 7, HOSTILE, 12)],
        impact=[Visible(subject={"scenario_name": HOSTILE}, step=9, label=HOSTILE, evidence=[HOSTILE])],
        evidence=["E10.1", HOSTILE],
    )
    version = verdict(
        2, "REGRESSION_DETECTED", {"service_version": HOSTILE}, detail={"roll_back_to": HOSTILE}, evidence=["E2.1"]
    )
    flag = verdict(
        3,
        "HIGH_ERROR_RATE",
        {"flag_name": HOSTILE, "flag_value": HOSTILE},
        detail={"leave_value": HOSTILE, "other_values": [HOSTILE]},
    )
    doubtful = suspect(5, "HIGH_ERRORS", {"shard_id": HOSTILE}, shortfalls=[HOSTILE])
    gone = dismissed(7, HOSTILE, {"endpoint_path": HOSTILE}, "unchanged", HOSTILE)
    row = {"exception_type": HOSTILE, HOSTILE: HOSTILE, "also": [HOSTILE]}
    version_row = _version(HOSTILE, 1, 5_000, 12.0, before=1.0, delta=11.0, label="REGRESSION_DETECTED")
    judged = judgement(
        version,
        flag,
        cause,
        doubtful,
        rejected=(gone,),
        series=[series({}, 0.1, 5), series({"service_version": HOSTILE}, 0.1, 9)],
        measured=[_measured(1, {"service_component": HOSTILE}, (1, 100), (50, 100))],
        notes=[HOSTILE],
    )
    return report(
        judged,
        finding(10, row, label=HOSTILE, notes=[HOSTILE], sql=HOSTILE, sql_parameters={HOSTILE: HOSTILE}),
        finding(2, version_row, _version("3.14", 2, 9_000, 1.0, before=None, delta=None, label="NO_REGRESSION")),
        finding(3, status=Status.ERROR, reason=HOSTILE),
        parameters=parameters(service_name=HOSTILE, region=HOSTILE, environment=HOSTILE, origins={"region": HOSTILE}),
    )


SAMPLES = {
    "bad_version": bad_version,
    "no_incident": no_incident,
    "only_gaps": only_gaps,
    "only_suspects": only_suspects,
    "two_that_are_over": two_that_are_over,
    "hostile": hostile,
}


def _version(
    name: str, rank: int, total: int, rate: float, *, before: float | None, delta: float | None, label: str
) -> dict[str, Any]:
    return {
        "service_version": name,
        "version_rank": rank,
        "total_count": total,
        "failure_rate": rate,
        "prev_failure_rate": before,
        "failure_rate_delta": delta,
        "slow_rate": 0.4,
        "overall_avg_latency": 212.4,
        "max_p99_latency": 1874.2,
        "assessment": label,
        "also": [],
    }


def _zone(name: str, success: float) -> dict[str, Any]:
    return {
        "availability_zone": f"us-east-1{name}",
        "instance_type": "m5.large",
        "total_requests": 24_500,
        "success_rate": success,
        "infrastructure_error_rate": 0.2,
        "avg_cpu_usage": 54.1,
        "zone_status": "HEALTHY",
        "health_score": 97.2,
    }


def _workflow(name: str, criticality: str, runs: int, rate: float, *, label: str, step: str | None) -> dict[str, Any]:
    return {
        "scenario_name": name,
        "business_criticality": criticality,
        "total_runs": runs,
        "completed_runs": round(runs * rate / 100),
        "failed_runs": runs - round(runs * rate / 100),
        "completion_rate": rate,
        "failing_step": step,
        "uncompensated_runs": 210 if step else 0,
        "workflow_status": label,
    }


def _group(subject: dict[str, str], before: int, after: int, *, out: bool = False) -> Group:
    """Of 4,000 requests before the start, and of 4,000 since."""
    rates = (Rate(failures=k, requests=4_000) for k in (before, after))
    return Group(subject=subject, before=next(rates), after=next(rates), stands_out=out)


def _course(trend: Trend, latest: int, earlier: int) -> Course:
    """Failures of 4,000 requests in the last quarter of an hour, and in the one before."""
    rates = (Rate(failures=k, requests=4_000) for k in (latest, earlier))
    return Course(
        trend=trend, until=START + timedelta(minutes=55), minutes=15, measure=Measure.SERVER_ERRORS,
        latest=next(rates), earlier=next(rates),
    )  # fmt: skip


def _visible(subject: dict[str, str], step: int, label: str, failures: int) -> Visible:
    return Visible(
        subject=subject,
        step=step,
        label=label,
        before=Rate(failures=3, requests=9_000),
        after=Rate(failures=failures, requests=9_100),
        evidence=[f"E{step}.1"],
    )


def _measured(
    number: int, subject: dict[str, str], before: tuple[int, int] | None, after: tuple[int, int]
) -> MeasuredRow:
    first = Rate(failures=before[0], requests=before[1]) if before else None
    second = Rate(failures=after[0], requests=after[1])
    return MeasuredRow(
        id=f"M.{number}", subject=subject, measure=Measure.SERVER_ERRORS, window=second, before=first, after=second
    )
