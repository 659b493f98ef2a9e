"""Plain causes with defective telemetry (missing tables, NULLs, text times) or a misleading report."""

from eval.cases import ExpectedGap
from eval.drafts.draft import NEW, ROLLOUT, Draft, fault, flag
from tsg_agent.simulator.scenario import FaultKind, Quirks

SHARD = fault(FaultKind.PARTITION, 0.35, shard_id="shard-05")
ZONE = fault(FaultKind.ZONE, 0.25, availability_zone="us-east-1b")
VERSION = fault(FaultKind.VERSION, 0.2, service_version=NEW)
LATE = Quirks(late_share=0.1, late_minutes=4, duplicate_share=0.03, shuffled=True)


def gap(step: int, status: str = "not_applicable") -> ExpectedGap:
    """An expected gap: a check that cannot run."""
    return ExpectedGap(step=step, status=status)


BROKEN = (
    Draft(
        "sparse-shard",
        "Sparse traffic, a shard fails more than half",
        "recording",
        (fault(FaultKind.PARTITION, 0.6, shard_id="shard-05"),),
        {"requests_per_minute": 60, "stale_share": 0.08},
        {"symptom": "errors for a few customers"},
        ("sparse", "smoke"),
        gaps=(gap(2, "insufficient_data"),),
    ),
    Draft(
        "no-flag-table",
        "A zone fails; there is no table of flags",
        "recording",
        (ZONE,),
        {"quirks": Quirks(missing_tables=("feature_flags",))},
        {"hand": "email", "symptom": "errors"},
        ("missing",),
        gaps=(gap(3),),
    ),
    Draft(
        "log-only",
        "A version fails; there is only the log",
        "recording",
        (VERSION,),
        {
            "rollout": ROLLOUT,
            "quirks": Quirks(
                missing_tables=("feature_flags", "infrastructure_metrics", "product_metadata", "workflow_tracking")
            ),
        },
        {"hand": "alert", "symptom": "5xx"},
        ("missing",),
        gaps=(gap(3), gap(8), gap(9)),
    ),
    Draft(
        "no-version-column",
        "A shard fails; the log knows no versions",
        "recording",
        (SHARD,),
        {"quirks": Quirks(missing_columns={"api_gateway_logs": ("service_version",)})},
        {"symptom": "errors"},
        ("missing",),
        gaps=(gap(2),),
    ),
    Draft(
        "no-workflow-table",
        "A category fails; workflows are not tracked",
        "recording",
        (fault(FaultKind.PRODUCT, 0.35, product_category="kitchen"),),
        {"quirks": Quirks(missing_tables=("workflow_tracking",))},
        {"hand": "chat", "symptom": "errors"},
        ("missing",),
        actions=(("look",),),
        gaps=(gap(9),),
    ),
    Draft(
        "late-and-twice",
        "A zone fails; rows come late, twice and out of order",
        "recording",
        (ZONE,),
        {"quirks": LATE},
        {"symptom": "errors"},
        ("late", "duplicates"),
    ),
    Draft(
        "clock-skew",
        "A database fails; clocks are off by a minute",
        "recording",
        (fault(FaultKind.ERROR, 0.4, dependency_name="identity-db"),),
        {"quirks": Quirks(clock_skew_seconds=60)},
        {"hand": "email", "symptom": "logins fail"},
        ("clock skew",),
    ),
    Draft(
        "nulls",
        "A version fails; a fifth of many columns is NULL",
        "recording",
        (VERSION,),
        {"rollout": ROLLOUT, "quirks": Quirks(null_share=0.2, null_test_flag=True)},
        {"hand": "chat", "symptom": "errors"},
        ("NULLs",),
    ),
    Draft(
        "text-times",
        "A flag value fails; times are texts and booleans numbers",
        "recording",
        (flag("new_pricing", "on", 0.25),),
        {"quirks": Quirks(timestamps="text", booleans="integer")},
        {"symptom": "errors"},
        ("types",),
    ),
    Draft(
        "other-zone-times",
        "A shard fails; timestamps carry another zone",
        "recording",
        (SHARD,),
        {"quirks": Quirks(timestamps="aware", timezone="America/New_York")},
        {"hand": "alert", "symptom": "5xx"},
        ("types",),
    ),
)
TOLD = (
    Draft(
        "local-times",
        "A zone fails; the report gives local times",
        "report",
        (ZONE,),
        {},
        {"hand": "email", "symptom": "errors", "utc_offset_hours": -5},
        ("local times", "smoke"),
    ),
    Draft(
        "local-times-plain",
        "A shard fails; the chat gives local times in plain writing",
        "report",
        (SHARD,),
        {},
        {"hand": "ticket", "symptom": "errors", "utc_offset_hours": 2, "time_style": "plain"},
        ("local times",),
    ),
    Draft(
        "region-not-named",
        "A version fails; the report names no region",
        "report",
        (VERSION,),
        {"rollout": ROLLOUT},
        {"hand": "alert", "symptom": "5xx", "omit": ("region",)},
        ("missing parameters",),
        asked=("region",),
    ),
    Draft(
        "service-not-named",
        "A shard fails; the report names no service",
        "report",
        (SHARD,),
        {},
        {"hand": "email", "symptom": "errors", "omit": ("service_name",)},
        ("missing parameters",),
        asked=("service_name",),
    ),
    Draft(
        "threshold-not-named",
        "A zone fails; the report names no threshold",
        "report",
        (ZONE,),
        {},
        {"hand": "chat", "symptom": "errors", "omit": ("threshold",)},
        ("missing parameters",),
    ),
    Draft(
        "window-without-start",
        "A shard fails; the report gives a window and no start",
        "report",
        (SHARD,),
        {"requests_per_minute": 400},
        {"symptom": "errors", "omit": ("start",), "window": True},
        ("missing parameters",),
        parameters={"incident_start": "unknown"},
        gaps=(gap(1, "unknown_start"),),
    ),
    Draft(
        "start-late",
        "A shard fails; its start is reported fifteen minutes late",
        "report",
        (SHARD,),
        {},
        {"hand": "ticket", "symptom": "errors", "start_error_minutes": 15},
        ("start off",),
    ),
    Draft(
        "start-early",
        "A zone fails; its start is reported ten minutes early",
        "report",
        (ZONE,),
        {},
        {"hand": "email", "symptom": "errors", "start_error_minutes": -10},
        ("start off",),
    ),
    Draft(
        "wrong-hints",
        "A shard fails; everybody has another idea",
        "report",
        (SHARD,),
        {},
        {
            "hand": "chat",
            "symptom": "errors",
            "hints": (
                "it is DNS",
                "I restarted us-east-1b and it helped, I think",
                "version 3.14.2 is bad, roll back",
                "marketing has a campaign",
            ),
        },
        ("wrong hints",),
        innocent=({"availability_zone": "us-east-1b"}, {"service_version": "3.14.2"}),
    ),
    Draft(
        "two-regions-named",
        "A zone fails; the report names two regions",
        "report",
        (ZONE,),
        {},
        {"symptom": "errors", "other_regions": ("us-west",), "ongoing": False},
        ("several regions",),
    ),
)
RECORDINGS: tuple[Draft, ...] = (*BROKEN, *TOLD)
