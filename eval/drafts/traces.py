"""Telemetry with traces or call graphs, misreported starts, and quiet days of the same.

Written from the guide and its schema alone; random time of day, duration and delay of the report.
"""

from eval.drafts.draft import FLAGS_AND_HARMLESS, NEW, NEW_VERSION, Draft, fault
from eval.drafts.outcomes import BUSY, HALF, IN_FIFTY, LASTS, LONG
from tsg_agent.simulator.scenario import FaultEffect, FaultKind, Flaky, Quirks

SPANS, MAPPED = Quirks(spans=True), Quirks(spans=True, calls=True)

TRACES = (
    Draft(
        "trace-of-a-dependency",
        "A database fails, and its callers with it: spans of each hop",
        "spans",
        (fault(FaultKind.ERROR, 0.5, dependency_name="identity-db"),),
        {"quirks": SPANS},
        {"hand": "alert", "symptom": "errors at login"},
        ("cascading",),
        lasts=LASTS,
        also=({"service_component": "identity-db"},),
        innocent=({"service_component": "identity"},),
    ),
    Draft(
        "trace-of-a-shared-dependency",
        "A database that two components call fails: spans, and a map of calls",
        "spans",
        (fault(FaultKind.ERROR, 0.3, dependency_name="catalog-db"),),
        {"quirks": MAPPED},
        {"symptom": "products and carts fail", "hints": ("The catalog has been rolled out yesterday.",)},
        ("cascading", "calls"),
        lasts=LASTS,
        also=({"service_component": "catalog-db"},),
        innocent=({"service_component": "catalog"}, {"service_component": "cart"}),
    ),
    Draft(
        "trace-of-a-component",
        "A component fails, and what it calls is well: spans, and a map of calls",
        "spans",
        (fault(FaultKind.ERROR, 0.4, service_component="orders"),),
        {"quirks": MAPPED},
        {"hand": "email", "symptom": "orders cannot be seen", "hints": ("Surely it is orders-db.",)},
        ("cascading", "calls"),
        actions=(("fix_error", "fix_endpoint"),),
        lasts=LASTS,
        innocent=({"service_component": "orders-db"}, {"dependency_name": "orders-db"}),
    ),
    Draft(
        "trace-of-a-zone",
        "A zone fails at the entry: spans of each hop",
        "spans",
        (fault(FaultKind.ZONE, 0.3, availability_zone="us-east-1b"),),
        {"quirks": SPANS},
        {"symptom": "availability low"},
        lasts=LASTS,
    ),
    Draft(
        "map-of-calls",
        "A database fails; one row a request, and a map of calls",
        "spans",
        (fault(FaultKind.ERROR, 0.4, dependency_name="inventory-db"),),
        {"quirks": Quirks(calls=True)} | BUSY,
        {"hand": "chat", "symptom": "stock cannot be changed"},
        ("calls",),
        lasts=LASTS,
    ),
)
STARTS = (
    Draft(
        "start-half-an-hour-late",
        "A zone fails; the alert came half an hour later",
        "told start",
        (fault(FaultKind.ZONE, 0.25, availability_zone="us-east-1c"),),
        {},
        {"hand": "alert", "symptom": "availability low", "start_error_minutes": 30},
        ("late",),
        lasts=LONG,
    ),
    Draft(
        "start-late-for-a-flag",
        "A flag was switched on and breaks requests; somebody noticed 18 minutes later",
        "told start",
        (fault(FaultKind.FLAG, 0.3, flag_name="gift_cards", flag_value="on"),),
        {"flags": FLAGS_AND_HARMLESS},
        {"hand": "chat", "symptom": "errors for many", "start_error_minutes": 18},
        ("late",),
        lasts=LONG,
    ),
    Draft(
        "start-late-for-a-workflow",
        "Logins do not complete; the ticket says 25 minutes too late",
        "told start",
        (
            fault(
                FaultKind.WORKFLOW, 0.4, FaultEffect.WORKFLOW_FAILURE, scenario_name="account_login",
                workflow_step="verify_password",
            ),
        ),
        BUSY,
        {"symptom": "logins never end", "start_error_minutes": 25},
        ("late", "silent"),
        lasts=LONG,
    ),
    Draft(
        "start-not-told",
        "A shard fails; nobody says since when",
        "told start",
        (fault(FaultKind.PARTITION, 0.35, shard_id="shard-09"),),
        {},
        {"hand": "email", "symptom": "some customers get errors on every page", "omit": ("start",)},
        ("missing",),
        parameters={"start_time": None, "incident_start": None},
        lasts=(40, 80),
    ),
    Draft(
        "start-not-told-of-a-version",
        "A new version fails; nobody says since when",
        "told start",
        (fault(FaultKind.VERSION, 0.2, service_version=NEW),),
        {"rollout": HALF},
        {"hand": "chat", "symptom": "errors", "omit": ("start",)},
        ("missing",),
        parameters={"start_time": None, "incident_start": None},
        lasts=(40, 80),
    ),
)  # fmt: skip
QUIET = (
    Draft(
        "quiet-canary",
        "A harmless canary",
        "no incident",
        scenario=IN_FIFTY,
        report={"hand": "chat", "symptom": "is it us?", "hints": ("the canary of 3.15.0 is out",)},
        incident=False,
        innocent=(NEW_VERSION,),
        tags=("decoy",),
        lasts=LASTS,
    ),
    Draft(
        "quiet-traces",
        "Nothing is wrong: spans of each hop, and a component that always fails",
        "no incident",
        scenario={"quirks": MAPPED, "flaky": Flaky(traffic=0.015, failure=0.4)},
        report={"symptom": "a customer complains about errors"},
        incident=False,
        innocent=({"service_component": "vendor-feed"}, {"service_component": "recommendations"}),
        lasts=LASTS,
    ),
)
