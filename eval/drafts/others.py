"""Several causes, loud symptoms, decoys, outages, chronic failures, and causes that the guide does not know."""

from eval.drafts.draft import (
    FLAGS_AND_HARMLESS,
    GIFT_CARDS,
    NEW,
    NEW_VERSION,
    ROLLOUT,
    START,
    Draft,
    fault,
    flag,
    minutes,
)
from tsg_agent.simulator.scenario import DEFAULT_FLAGS, Fault, FaultEffect, FaultKind, Flag, Flaky, Rollout

SHARD = fault(FaultKind.PARTITION, 0.35, shard_id="shard-07")
LOUD = Flaky(traffic=0.02, failure=0.5)
RECOMMENDATIONS = {"service_component": "recommendations"}

TWO = (
    Draft(
        "shard-and-flag",
        "A shard and a flag value fail at the same time",
        "two causes",
        (SHARD, flag("basket", "variant_b", 0.25)),
        {"requests_per_minute": 400},
        {"symptom": "many errors"},
        ("smoke",),
    ),
    Draft(
        "zone-and-dependency",
        "A zone and a database fail at the same time",
        "two causes",
        (
            fault(FaultKind.ZONE, 0.25, availability_zone="us-east-1a"),
            fault(FaultKind.ERROR, 0.4, dependency_name="identity-db"),
        ),
        {},
        {"hand": "chat", "symptom": "errors everywhere"},
    ),
    # The new version on a third of the instances: with more, nearly every workflow run would have a request on it,
    # and the two causes would not be separable.
    Draft(
        "version-and-workflow",
        "A bad version, and logins that fail behind answers of 200",
        "two causes",
        (
            fault(FaultKind.VERSION, 0.2, service_version=NEW),
            fault(
                FaultKind.WORKFLOW,
                0.4,
                FaultEffect.WORKFLOW_FAILURE,
                scenario_name="account_login",
                workflow_step="load_profile",
            ),
        ),
        {"rollout": Rollout(version=NEW, ramp_minutes=6, share=0.33), "requests_per_minute": 400},
        {"hand": "email", "symptom": "errors, and logins that never end"},
    ),
    Draft(
        "tier-and-endpoint",
        "Premium customers and a slow login, at the same time",
        "two causes",
        (
            fault(FaultKind.PRODUCT, 0.25, customer_tier="PREMIUM"),
            fault(FaultKind.ENDPOINT, 0.5, FaultEffect.LATENCY, endpoint_path="/login"),
        ),
        {"requests_per_minute": 400},
        {"symptom": "errors and long waits"},
        actions=(("act_for_tier",), ("look",)),
    ),
)
LOUDER = (
    Draft(
        "loud-recommendations",
        "A component that always fails is loudest; a version is the cause",
        "loud symptom",
        (
            fault(FaultKind.VERSION, 0.14, service_version=NEW),
            fault(
                FaultKind.VERSION,
                0.45,
                service_version=NEW,
                service_component="payments",
                more={"exception_type": "TimeoutException"},
            ),
        ),
        {
            "rollout": ROLLOUT,
            "flaky": Flaky(traffic=0.015, failure=0.5),
            "requests_per_minute": 400,
            "flags": (
                *DEFAULT_FLAGS,
                Flag(name="gift_cards", values={"on": 0.4, "off": 0.6}, start=START - minutes(4), before="off"),
            ),
        },
        {
            "symptom": "customers cannot pay, and the checkout fails for many",
            "hints": (
                "The payment team is looking at the card processor.",
                "Most exceptions in the log come from recommendations calling the vendor feed.",
            ),
        },
        ("smoke",),
        innocent=(RECOMMENDATIONS, GIFT_CARDS, {"scenario_name": "payment_processing"}),
    ),
    Draft(
        "loud-flaky-shard",
        "A component that always fails is loudest; a shard is the cause",
        "loud symptom",
        (fault(FaultKind.PARTITION, 0.15, shard_id="shard-02"),),
        {"flaky": LOUD},
        {"hand": "chat", "symptom": "errors", "hints": ("recommendations is all over the log",)},
        innocent=(RECOMMENDATIONS,),
    ),
    Draft(
        "payments-fail-by-zone",
        "Payments complain; the zone below them is the cause",
        "loud symptom",
        (
            fault(FaultKind.ZONE, 0.2, availability_zone="us-east-1a"),
            fault(FaultKind.ZONE, 0.5, availability_zone="us-east-1a", service_component="payments"),
        ),
        {"requests_per_minute": 400},
        {"hand": "email", "symptom": "payments fail", "hints": ("Surely the payments component is broken.",)},
        innocent=({"scenario_name": "payment_processing"},),
    ),
)
DECOYS = (
    Draft(
        "decoy-rollout",
        "A shard fails, beside a harmless rollout at the same minute",
        "decoy",
        (SHARD,),
        {"rollout": ROLLOUT},
        {
            "hand": "chat",
            "symptom": "errors for some",
            "hints": ("we did roll out 3.15.0 at that time", "rolling back would be safe?"),
        },
        ("smoke",),
        innocent=(NEW_VERSION,),
    ),
    Draft(
        "decoy-flag",
        "A zone fails, beside a harmless flag change at the same minute",
        "decoy",
        (fault(FaultKind.ZONE, 0.25, availability_zone="us-east-1b"),),
        {"flags": FLAGS_AND_HARMLESS},
        {"symptom": "errors", "hints": ("gift_cards was switched on at that minute.",)},
        innocent=(GIFT_CARDS,),
    ),
    Draft(
        "decoy-rollout-to-all",
        "A database fails at the minute at which a harmless version reached all",
        "decoy",
        (fault(FaultKind.ERROR, 0.4, dependency_name="orders-db"),),
        {"rollout": Rollout(version=NEW, share=1.0, ramp_minutes=4)},
        {"hand": "email", "symptom": "orders fail", "hints": ("I blame the release.",)},
        innocent=(NEW_VERSION,),
    ),
    Draft(
        "decoy-both",
        "A tenant fails; a version and a flag changed at that minute",
        "decoy",
        (fault(FaultKind.PARTITION, 0.3, tenant_category="ENTERPRISE"),),
        {"rollout": ROLLOUT, "flags": FLAGS_AND_HARMLESS},
        {"hand": "alert", "symptom": "5xx"},
        innocent=(NEW_VERSION, GIFT_CARDS),
    ),
)
OUTAGES = (
    Draft(
        "outage",
        "Everything fails alike",
        "outage",
        (Fault(kind=FaultKind.OUTAGE, probability=0.45),),
        {},
        {"hand": "alert", "symptom": "availability down", "start_words": "since", "time_style": "plain"},
        ("smoke",),
    ),
    Draft(
        "outage-with-decoys",
        "Everything fails alike, at the minute of a rollout and a flag change",
        "outage",
        (Fault(kind=FaultKind.OUTAGE, probability=0.3),),
        {"rollout": ROLLOUT, "flags": FLAGS_AND_HARMLESS},
        {"hand": "chat", "symptom": "everything is down", "hints": ("roll it back!",)},
        innocent=(NEW_VERSION, GIFT_CARDS),
    ),
    Draft(
        "outside-network",
        "A network drops a few requests of every kind",
        "outside",
        (Fault(kind=FaultKind.OUTSIDE, probability=0.08),),
        {},
        {"hand": "email", "symptom": "errors here and there"},
    ),
    Draft(
        "outside-slow",
        "Everything is slow alike",
        "outside",
        (Fault(kind=FaultKind.OUTSIDE, probability=0.2, effect=FaultEffect.LATENCY),),
        {},
        {"symptom": "everything takes long"},
    ),
)
EXISTING = (
    Draft(
        "old-trouble-and-shard",
        "A component has failed for hours; a shard is new",
        "pre-existing",
        (Fault(kind=FaultKind.EXISTING, where={"service_component": "media"}, probability=0.3), SHARD),
        {"requests_per_minute": 400},
        {"hand": "chat", "symptom": "errors", "hints": ("images fail a lot",)},
        ("smoke",),
        innocent=({"service_component": "media"}, {"endpoint_path": "/images"}),
    ),
    Draft(
        "old-trouble-and-version",
        "A client has always been refused; a version is new",
        "pre-existing",
        (
            Fault(kind=FaultKind.EXISTING, where={"client_type": "partner"}, probability=0.2),
            fault(FaultKind.VERSION, 0.2, service_version=NEW),
        ),
        {"rollout": ROLLOUT, "requests_per_minute": 400},
        {"symptom": "errors"},
        innocent=({"client_type": "partner"},),
    ),
    Draft(
        "old-workflow-and-dependency",
        "A workflow has always failed at times; a database is new",
        "pre-existing",
        (
            Fault(
                kind=FaultKind.EXISTING,
                where={"scenario_name": "product_search", "workflow_step": "query"},
                effect=FaultEffect.WORKFLOW_FAILURE,
                probability=0.1,
            ),
            fault(FaultKind.ERROR, 0.35, dependency_name="inventory-db"),
        ),
        {"requests_per_minute": 400},
        {"hand": "email", "symptom": "stock is wrong"},
        innocent=({"scenario_name": "product_search"},),
    ),
)
OTHERS: tuple[Draft, ...] = (*TWO, *LOUDER, *DECOYS, *OUTAGES, *EXISTING)
