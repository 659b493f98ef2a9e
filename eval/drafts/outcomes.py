"""Small causes, outcomes other than 5xx, and lost traffic.

Written from the guide and its schema alone; random time of day, duration and delay of the report.
"""

from eval.drafts.draft import NEW, Draft, fault
from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Rollout

LASTS, LONG = (30, 150), (75, 150)
HALF = Rollout(version=NEW, ramp_minutes=0, share=0.5)
BUSY = {"requests_per_minute": 400}
IN_FIFTY = {"instances": 50, "rollout": Rollout(version=NEW, ramp_minutes=0, share=0.02), "requests_per_minute": 500}
IN_THIRTY = {"instances": 33, "rollout": Rollout(version=NEW, ramp_minutes=0, share=0.03), "requests_per_minute": 500}
IN_HUNDRED = {"instances": 99, "rollout": Rollout(version=NEW, ramp_minutes=0, share=0.01), "requests_per_minute": 800}
FEWER = (
    r"\b(requests?|traffic|load)\b[^.\n]{0,120}\b(fell|fall|fallen|drop\w*|vanish\w*|missing|lost|disappear\w*|stopp\w*|fewer|"
    r"less|only)\b|\b(lost|missing|fewer|drop in|fall of)\b[^.\n]{0,60}\b(requests|traffic)\b",
)
WITHIN = (r"\bwithin (the|its) (SLA|SLO|target|objective|service level|threshold)\b",)

CANARIES = (
    Draft(
        "canary-one-in-fifty",
        "A canary with a fiftieth of the traffic fails a third of it",
        "canary",
        (fault(FaultKind.VERSION, 0.35, service_version=NEW),),
        IN_FIFTY,
        {"symptom": "an error page now and then"},
        (),
        lasts=LONG,
    ),
    Draft(
        "canary-one-in-hundred",
        "A canary with a hundredth of the traffic fails a third of it",
        "canary",
        (fault(FaultKind.VERSION, 0.35, service_version=NEW),),
        IN_HUNDRED,
        {"hand": "alert", "symptom": "error budget burns"},
        lasts=LONG,
    ),
    Draft(
        "canary-slow",
        "A canary answers half of its requests after seconds",
        "canary",
        (fault(FaultKind.VERSION, 0.5, FaultEffect.LATENCY, service_version=NEW),),
        IN_THIRTY,
        {"hand": "chat", "symptom": "some pages hang"},
        ("latency",),
        lasts=LONG,
    ),
    Draft(
        "canary-refuses",
        "A canary answers half of its requests with 401",
        "canary",
        (fault(FaultKind.VERSION, 0.5, FaultEffect.CLIENT_ERRORS, service_version=NEW, more={"status": 401}),),
        IN_THIRTY,
        {"hand": "email", "symptom": "people are logged out"},
        ("4xx",),
        lasts=LONG,
    ),
)
REFUSED = (
    Draft(
        "version-unauthorized",
        "A new version answers half of its requests with 401",
        "4xx",
        (fault(FaultKind.VERSION, 0.5, FaultEffect.CLIENT_ERRORS, service_version=NEW, more={"status": 401}),),
        {"rollout": HALF},
        {"symptom": "users must log in again and again"},
        (),
        lasts=LASTS,
        never_says=WITHIN,
    ),
    Draft(
        "version-forbidden",
        "A new version answers a tenth of its requests with 403",
        "4xx",
        (fault(FaultKind.VERSION, 0.1, FaultEffect.CLIENT_ERRORS, service_version=NEW, more={"status": 403}),),
        {"rollout": HALF} | BUSY,
        {"hand": "email", "symptom": "no access for some"},
        ("weak",),
        lasts=LASTS,
    ),
    Draft(
        "route-gone",
        "A route answers 404 to everybody",
        "4xx",
        (fault(FaultKind.ENDPOINT, 1.0, FaultEffect.CLIENT_ERRORS, endpoint_path="/images", more={"status": 404}),),
        {},
        {"hand": "chat", "symptom": "no pictures anywhere"},
        actions=(("fix_endpoint", "fix_error"),),
        lasts=LASTS,
        never_says=WITHIN,
    ),
    Draft(
        "method-gone",
        "Nothing can be put into the cart: POST answers 404",
        "4xx",
        (
            fault(
                FaultKind.ENDPOINT, 1.0, FaultEffect.CLIENT_ERRORS, endpoint_path="/cart", http_method="POST",
                more={"status": 404},
            ),
        ),
        BUSY,
        {"symptom": "the cart stays empty"},
        ("pair",),
        actions=(("fix_endpoint", "fix_error"),),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "zone-forbidden-to-a-client",
        "One zone answers 403 to partners",
        "4xx",
        (
            fault(
                FaultKind.ZONE, 0.9, FaultEffect.CLIENT_ERRORS, availability_zone="us-east-1b", client_type="partner",
                more={"status": 403},
            ),
        ),
        BUSY,
        {"hand": "email", "symptom": "partners are refused, every third time or so"},
        ("pair",),
        actions=(("redirect_traffic", "look"),),
        exact=True,
        lasts=LASTS,
    ),
)  # fmt: skip
THROTTLED = (
    Draft(
        "partners-throttled",
        "Partners are turned away with 429",
        "429",
        (fault(FaultKind.ENDPOINT, 0.6, FaultEffect.RATE_LIMIT, client_type="partner"),),
        {},
        {"hand": "alert", "symptom": "429 above objective"},
        lasts=LASTS,
    ),
    Draft(
        "search-throttled-for-a-tenant",
        "Business tenants' searches are turned away with 429",
        "429",
        (fault(FaultKind.PARTITION, 0.5, FaultEffect.RATE_LIMIT, tenant_category="BUSINESS", endpoint_path="/search"),),
        BUSY,
        {"symptom": "search says: too many requests"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "version-throttles",
        "A new version turns a quarter of its requests away with 429",
        "429",
        (fault(FaultKind.VERSION, 0.25, FaultEffect.RATE_LIMIT, service_version=NEW),),
        {"rollout": HALF},
        {"hand": "chat", "symptom": "we see 429s", "hints": ("somebody changed the limits?",)},
        actions=(("roll_back", "relieve_rate_limiting"),),
        lasts=LASTS,
    ),
)
LOST = (
    Draft(
        "traffic-lost",
        "Nineteen of twenty requests do not arrive any more",
        "lost traffic",
        (Fault(kind=FaultKind.OUTSIDE, effect=FaultEffect.LOST, probability=0.95),),
        {},
        {"hand": "chat", "symptom": "it is strangely quiet"},
        (),
        lasts=LASTS,
        says=FEWER,
        never_says=WITHIN,
    ),
    Draft(
        "traffic-lost-in-the-region",
        "The region's requests hardly arrive any more",
        "lost traffic",
        (fault(FaultKind.REGION, 0.93, FaultEffect.LOST, region="us-east"),),
        {},
        {"hand": "email", "symptom": "customers in the east cannot reach us"},
        lasts=LASTS,
        says=FEWER,
        never_says=WITHIN,
    ),
    Draft(
        "clients-lost-and-a-zone",
        "Android's requests do not arrive, and a zone fails",
        "lost traffic",
        (
            fault(FaultKind.ZONE, 0.3, availability_zone="us-east-1a"),
            fault(FaultKind.ENDPOINT, 0.97, FaultEffect.LOST, client_type="android"),
        ),
        BUSY,
        {"symptom": "errors, and no orders from android phones"},
        lasts=LASTS,
    ),
)
