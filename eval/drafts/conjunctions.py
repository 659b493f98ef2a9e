"""Causes that are conjunctions, several causes that share a value, and causes that rise unevenly.

Written from the guide and its schema alone; random time of day, duration and delay of the report.
"""

from eval.drafts.draft import NEW, START, Draft, fault, minutes
from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Rollout

LASTS = (30, 150)
AT_ONCE = Rollout(version=NEW, ramp_minutes=0, share=0.5)
BUSY = {"requests_per_minute": 400}


def _both(
    kind: FaultKind, probability: float, where: dict[str, str], effect: FaultEffect = FaultEffect.ERRORS
) -> Fault:
    return Fault(kind=kind, probability=probability, effect=effect, where=where)


CONJUNCTIONS = (
    Draft(
        "zone-and-client",
        "A zone fails for one client only",
        "conjunction",
        (_both(FaultKind.ZONE, 0.7, {"availability_zone": "us-east-1a", "client_type": "ios"}),),
        BUSY,
        {"hand": "chat", "symptom": "the iPhone app shows errors, the web is fine"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "version-and-endpoint",
        "A new version breaks the search",
        "conjunction",
        (_both(FaultKind.VERSION, 0.6, {"service_version": NEW, "endpoint_path": "/search"}),),
        {"rollout": AT_ONCE} | BUSY,
        {"symptom": "searching fails for every other person"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "flag-and-tier",
        "A flag's value breaks what premium customers see",
        "conjunction",
        (_both(FaultKind.FLAG, 0.5, {"flag_name": "new_pricing", "flag_value": "on", "customer_tier": "PREMIUM"}),),
        BUSY,
        {"hand": "email", "symptom": "premium customers see no prices"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "flag-and-client",
        "A variant of an experiment fails on Android",
        "conjunction",
        (_both(FaultKind.FLAG, 0.6, {"flag_name": "basket", "flag_value": "variant_a", "client_type": "android"}),),
        BUSY,
        {"hand": "alert", "symptom": "5xx above objective"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "partition-and-api",
        "A partition fails for the old API",
        "conjunction",
        (_both(FaultKind.PARTITION, 0.6, {"partition_id": "partition-2", "api_version": "v1"}),),
        BUSY,
        {"symptom": "integrations of some customers fail"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "datacenter-and-tenant",
        "Enterprise tenants fail in one datacenter",
        "conjunction",
        (_both(FaultKind.REGION, 0.45, {"datacenter": "us-east-dc1", "tenant_category": "ENTERPRISE"}),),
        BUSY,
        {"hand": "email", "symptom": "large customers complain, not all of them"},
        ("pair",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "type-and-endpoint",
        "Images fail on one type of instance",
        "conjunction",
        (_both(FaultKind.ZONE, 0.5, {"instance_type": "c5.xlarge", "endpoint_path": "/images"}),),
        BUSY,
        {"symptom": "pictures are missing now and then"},
        ("pair",),
        actions=((),),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "dependency-and-zone",
        "A database cannot be reached from one zone",
        "conjunction",
        (_both(FaultKind.ERROR, 0.6, {"dependency_name": "orders-db", "availability_zone": "us-east-1c"}),),
        BUSY,
        {"hand": "chat", "symptom": "orders fail, then work on the next try", "hints": ("is it the network again?",)},
        ("pair",),
        actions=(("fix_error", "redirect_traffic"),),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "category-and-client",
        "Books cannot be seen on iPhones",
        "conjunction",
        (_both(FaultKind.PRODUCT, 0.7, {"product_category": "books", "client_type": "ios"}),),
        BUSY,
        {"hand": "email", "symptom": "books are not shown"},
        ("pair",),
        actions=((),),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "zone-client-endpoint",
        "Product lists fail on the web in one zone",
        "conjunction",
        (
            _both(
                FaultKind.ZONE,
                0.8,
                {"availability_zone": "us-east-1b", "client_type": "web", "endpoint_path": "/products"},
            ),
        ),
        BUSY,
        {"symptom": "the shop's front page is empty for some"},
        ("triple",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "version-tenant-endpoint",
        "A new version breaks the business customers' carts",
        "conjunction",
        (
            _both(
                FaultKind.VERSION,
                0.8,
                {"service_version": NEW, "tenant_category": "BUSINESS", "endpoint_path": "/cart"},
            ),
        ),
        {"rollout": AT_ONCE, "requests_per_minute": 500},
        {"hand": "alert", "symptom": "errors on the cart"},
        ("triple",),
        exact=True,
        lasts=(60, 150),
    ),
)
OVERLAPS = (
    Draft(
        "overlap-in-a-zone",
        "A zone fails for one client, and for one endpoint",
        "overlap",
        (
            _both(FaultKind.ZONE, 0.7, {"availability_zone": "us-east-1a", "client_type": "ios"}),
            _both(FaultKind.ZONE, 0.7, {"availability_zone": "us-east-1a", "endpoint_path": "/search"}),
        ),
        BUSY,
        {"symptom": "errors in the app, and the search fails too"},
        ("two causes",),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "overlap-of-a-client",
        "Android fails on one partition, and at the cart",
        "overlap",
        (
            _both(FaultKind.PARTITION, 0.6, {"partition_id": "partition-1", "client_type": "android"}),
            _both(FaultKind.ENDPOINT, 0.6, {"endpoint_path": "/cart", "client_type": "android"}),
        ),
        BUSY,
        {"hand": "chat", "symptom": "android users complain"},
        ("two causes",),
        actions=(("drain",), ()),
        exact=True,
        lasts=LASTS,
    ),
    Draft(
        "overlap-version-and-flag",
        "A bad version, and a bad value of a flag, on partly the same requests",
        "overlap",
        (
            fault(FaultKind.VERSION, 0.25, service_version=NEW),
            fault(FaultKind.FLAG, 0.3, flag_name="new_pricing", flag_value="off"),
        ),
        {"rollout": Rollout(version=NEW, ramp_minutes=0, share=0.4)} | BUSY,
        {"hand": "email", "symptom": "a lot of errors"},
        ("two causes",),
        lasts=LASTS,
    ),
)
UNEQUAL = (
    Draft(
        "zone-worse-on-a-type",
        "A zone fails, one type of its instances twice as often",
        "unequal",
        (
            fault(FaultKind.ZONE, 0.2, availability_zone="us-east-1a"),
            fault(FaultKind.ZONE, 0.25, availability_zone="us-east-1a", instance_type="m5.xlarge"),
        ),
        BUSY,
        {"hand": "alert", "symptom": "availability low"},
        lasts=LASTS,
    ),
    Draft(
        "version-worse-at-login",
        "A new version fails, and most at login",
        "unequal",
        (
            fault(FaultKind.VERSION, 0.12, service_version=NEW),
            fault(FaultKind.VERSION, 0.2, service_version=NEW, endpoint_path="/login"),
        ),
        {"rollout": AT_ONCE} | BUSY,
        {"symptom": "errors, at login above all", "hints": ("I think it is the identity component.",)},
        lasts=LASTS,
    ),
    Draft(
        "partition-worse-for-business",
        "A partition fails, for business tenants twice as often",
        "unequal",
        (
            fault(FaultKind.PARTITION, 0.2, partition_id="partition-4"),
            fault(FaultKind.PARTITION, 0.25, partition_id="partition-4", tenant_category="BUSINESS"),
        ),
        BUSY,
        {"hand": "email", "symptom": "business customers complain most"},
        lasts=LASTS,
    ),
)
LATER = (
    Draft(
        "second-begins-later",
        "A shard fails; twenty minutes later a zone fails too",
        "overlap",
        (
            fault(FaultKind.PARTITION, 0.4, shard_id="shard-07"),
            fault(
                FaultKind.ZONE,
                0.3,
                availability_zone="us-east-1b",
                more={"onset": START + minutes(20)},
            ),
        ),
        BUSY,
        {"symptom": "errors, and it got worse"},
        ("two causes",),
        lasts=(60, 150),
    ),
)
