"""Describes a simulation: the service's size and shape, the faults, and the recording's defects."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from tsg_agent.models import Model

REQUEST_DIMENSIONS = (
    "service_version", "region", "datacenter", "availability_zone", "instance_id", "instance_type",
    "load_balancer_id", "partition_id", "shard_id", "tenant_category", "endpoint_path", "http_method",
    "api_version", "client_type", "service_component", "dependency_name", "user_id",
)  # fmt: skip
PRODUCT_DIMENSIONS = ("product_id", "product_category", "customer_tier", "subscription_type")
FLAG_DIMENSIONS = ("flag_name", "flag_value")
WORKFLOW_DIMENSIONS = ("scenario_name", "workflow_step")
DIMENSIONS = REQUEST_DIMENSIONS + PRODUCT_DIMENSIONS + FLAG_DIMENSIONS + WORKFLOW_DIMENSIONS


class FaultKind(StrEnum):
    """Kinds of faults: one for each of the guide's Steps 2-10, and three that no step should find."""

    VERSION = "version"
    FLAG = "flag"
    REGION = "region"
    PARTITION = "partition"
    ZONE = "zone"
    ENDPOINT = "endpoint"
    PRODUCT = "product"
    WORKFLOW = "workflow"
    ERROR = "error"
    OUTAGE = "outage"
    EXISTING = "existing"
    OUTSIDE = "outside"


STEPS = {
    FaultKind.VERSION: 2,
    FaultKind.FLAG: 3,
    FaultKind.REGION: 4,
    FaultKind.PARTITION: 5,
    FaultKind.ZONE: 6,
    FaultKind.ENDPOINT: 7,
    FaultKind.PRODUCT: 8,
    FaultKind.WORKFLOW: 9,
    FaultKind.ERROR: 10,
}
"""Kind of fault -> the guide's step for it; the other kinds have none."""

_ABOUT = {
    FaultKind.VERSION: ("service_version",),
    FaultKind.FLAG: FLAG_DIMENSIONS,
    FaultKind.REGION: ("region", "datacenter", "availability_zone"),
    FaultKind.PARTITION: ("partition_id", "shard_id", "tenant_category"),
    FaultKind.ZONE: ("availability_zone", "instance_type", "load_balancer_id", "instance_id", "datacenter"),
    FaultKind.ENDPOINT: ("endpoint_path", "http_method", "api_version", "client_type"),
    FaultKind.PRODUCT: PRODUCT_DIMENSIONS,
    FaultKind.WORKFLOW: WORKFLOW_DIMENSIONS,
    FaultKind.ERROR: ("service_component", "dependency_name"),
}


class FaultEffect(StrEnum):
    """The effect of a fault on a request that it hits."""

    ERRORS = "errors"  # answered 5xx
    LATENCY = "latency"  # answered, after more than 5 s
    CLIENT_ERRORS = "client_errors"  # answered 4xx
    RATE_LIMIT = "rate_limit"  # answered 429
    RETRIES = "retries"  # answered, and retried by the client
    DEPENDENCY_FAILURES = "dependency_failures"  # answered 2xx without what the dependency would have added
    WORKFLOW_FAILURE = "workflow_failure"  # answered 2xx, but the workflow's step fails
    LOST = "lost"  # never arrives: it has no row, and its workflow run goes no further
    RESOURCES = "resources"  # no request is hit: CPU and memory of the matching instances rise


class Fault(Model):
    """A fault of the requests that match `where` (dimension -> value, all of them), from a start time on."""

    kind: FaultKind
    where: dict[str, str] = Field(default_factory=dict, description="empty = every request of the service")
    effect: FaultEffect = FaultEffect.ERRORS
    probability: float = Field(0.3, ge=0, le=1, description="of a matching request being hit, at full strength")
    onset: AwareDatetime | None = Field(None, description="None = incident_start (kind existing: the window's start)")
    until: AwareDatetime | None = Field(None, description="None = the window's end")
    ramp_minutes: float = Field(0, ge=0, description="0 = sudden; else a slow burn that grows linearly for so long")
    status: int | None = Field(None, ge=400, le=599, description="None = fitting the kind")
    exception_type: str | None = Field(None, description="None = fitting the kind")
    exception_message: str | None = None
    error_category: str | None = None
    cascading: float = Field(0, ge=0, le=1, description="share of its errors marked is_cascading_failure")
    latency_ms: float = Field(7500, gt=0, description="median latency of a request hit by effect latency")
    cpu: float = Field(96, description="effect resources: CPU of the matching instances, percent")
    memory: float = Field(92, description="effect resources: memory of the matching instances, percent")
    compensation: float | None = Field(None, ge=0, le=1, description="share of failed runs compensated; None = usual")

    @property
    def step(self) -> int | None:
        """The guide's step that should find it; None = none should."""
        return STEPS.get(self.kind)

    @model_validator(mode="after")
    def _where_fits_the_kind(self) -> Self:
        unknown = set(self.where) - set(DIMENSIONS)
        if unknown:
            raise ValueError(f"unknown dimension {sorted(unknown)}; known: {', '.join(DIMENSIONS)}")
        if ("flag_name" in self.where) != ("flag_value" in self.where):
            raise ValueError("flag_name and flag_value go together")
        about = _ABOUT.get(self.kind)
        if about and not set(about) & set(self.where):
            raise ValueError(f"a fault of kind {self.kind} needs one of {', '.join(about)} in `where`")
        if self.kind in (FaultKind.OUTAGE, FaultKind.OUTSIDE) and set(self.where) - {"region"}:
            raise ValueError(f"a fault of kind {self.kind} hits everything alike: `where` may only hold a region")
        if self.effect is FaultEffect.RESOURCES and set(self.where) - set(REQUEST_DIMENSIONS[1:7]):
            raise ValueError("effect resources needs dimensions of an instance")
        return self


class Rollout(Model):
    """A rolling deployment of a newer version."""

    version: str
    start: AwareDatetime | None = Field(None, description="None = incident_start")
    ramp_minutes: float = Field(10, ge=0, description="from the first instance to the last")
    share: float = Field(0.6, gt=0, le=1, description="of the instances of each region, in the end")


class Flag(Model):
    """A feature flag, with random shares of requests or of users per value."""

    name: str
    values: dict[str, float] = Field(description="value -> share of the requests that carry the flag")
    coverage: float = Field(0.8, gt=0, le=1, description="share of the requests that carry the flag")
    sticky: bool = Field(False, description="a user keeps the value")
    start: AwareDatetime | None = Field(None, description="when `values` took effect; None = always")
    before: str | None = Field(None, description="the value of all requests before `start`; None = no rows before")


class Flaky(Model):
    """A component with a low constant error rate, which is no incident."""

    component: str = "recommendations"
    dependency: str = "vendor-feed"
    traffic: float = Field(0.008, ge=0, le=1, description="share of all requests")
    failure: float = Field(0.3, ge=0, le=1, description="share of its calls that fail")


class Quirks(Model):
    """Properties and defects of the recording. Shares are of rows."""

    test_share: float = Field(0.03, ge=0, le=1, description="test traffic, beside the real")
    test_failure: float = Field(0.3, ge=0, le=1)
    staging_share: float = Field(0.02, ge=0, le=1, description="requests of another environment, beside the real")
    other_service_share: float = Field(0.02, ge=0, le=1, description="requests of another service, beside the real")
    redirect_share: float = Field(0.004, ge=0, le=1, description="of GET requests answered 302 or 304")
    null_correlation_share: float = Field(0.04, ge=0, le=1)
    null_share: float = Field(0, ge=0, le=1, description="NULLs in each of `null_columns`")
    null_columns: tuple[str, ...] = ("datacenter", "shard_id", "tenant_category", "client_type", "latency_ms")
    missing_tables: tuple[str, ...] = ()
    missing_columns: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="table -> columns")
    duplicate_share: float = Field(0, ge=0, le=1, description="rows delivered twice, in every table")
    late_share: float = Field(0, ge=0, le=1, description="log rows stamped on arrival, not when they happened")
    late_minutes: float = Field(3, ge=0, description="mean delay of those")
    clock_skew_seconds: float = Field(0, ge=0, description="standard deviation of the instances' clocks")
    shuffled: bool = Field(False, description="rows in random order, not by time")
    timestamps: Literal["naive", "aware", "text"] = Field("naive", description="TIMESTAMP, TIMESTAMPTZ or ISO text")
    timezone: str = Field("UTC", description="of aware timestamps")
    booleans: Literal["boolean", "integer"] = "boolean"
    null_test_flag: bool = Field(False, description="is_test_traffic is NULL, not false, for real traffic")
    resources_in_log: bool = Field(False, description="the log has cpu_utilization and memory_utilization too")
    spans: bool = Field(False, description="a row for each hop: entry, component, dependency; with ids of spans")
    calls: bool = Field(False, description="a table of callers and callees")
    running_share: float = Field(0, ge=0, le=1, description="workflow runs whose last step is still IN_PROGRESS")


DEFAULT_FLAGS = (
    Flag(name="new_pricing", values={"on": 0.5, "off": 0.5}),
    Flag(name="fast_search", values={"on": 0.1, "off": 0.9}, coverage=0.5),
    Flag(name="basket", values={"control": 0.5, "variant_a": 0.25, "variant_b": 0.25}, coverage=0.5, sticky=True),
)


class Scenario(Model):
    """A service, a time range, and its faults. The telemetry is determined by the fields and the seed."""

    name: str = "scenario"
    seed: int = Field(1, ge=0)
    service_name: str = "shop.gateway"
    environment: str = "prod"
    region: str = Field("us-east", description="the region the incident is reported for")
    regions: dict[str, float] = Field(
        default_factory=lambda: {"us-east": 0.5, "us-west": 0.3, "eu-central": 0.2}, description="region -> share"
    )
    incident_start: AwareDatetime = datetime.fromisoformat("2026-03-10T14:00:00+00:00")
    window_start: AwareDatetime | None = Field(None, description="first row; None = 2 h 10 min before incident_start")
    end: AwareDatetime | None = Field(None, description="last row; None = 75 min after incident_start")
    threshold: float = Field(99.9, gt=0, le=100, description="SLA, percent")
    requests_per_minute: float = Field(400, gt=0, description="mean over the window, of real requests before retries")
    requests: int | None = Field(None, gt=0, description="total instead of requests_per_minute")
    users: int | None = Field(None, gt=0, description="None = one for about eight requests")
    instances: int = Field(12, ge=1, description="per region")
    background_errors: float = Field(0.002, ge=0, le=1, description="share of requests that fail on a good day")
    bursts: int = Field(1, ge=0, description="moments at which some component fails a little for two minutes")
    flaky: Flaky | None = Flaky()
    workflow_share: float = Field(0.35, ge=0, lt=1, description="of requests that belong to a workflow run")
    version: str = "3.14.2"
    stale_version: str | None = "3.14.1"
    stale_share: float = Field(0.15, ge=0, le=1, description="of instances that still run stale_version")
    rollout: Rollout | None = None
    flags: tuple[Flag, ...] = DEFAULT_FLAGS
    faults: tuple[Fault, ...] = ()
    quirks: Quirks = Quirks()

    @field_validator("regions")
    @classmethod
    def _positive(cls, regions: dict[str, float]) -> dict[str, float]:
        if not regions or min(regions.values()) <= 0:
            raise ValueError("every region needs a positive share")
        return regions

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.region not in self.regions:
            raise ValueError(f"region {self.region} is not one of {', '.join(self.regions)}")
        if not self.first < self.last:
            raise ValueError("window_start must lie before end")
        return self

    @property
    def first(self) -> datetime:
        """Start of the recording."""
        return self.window_start or self.incident_start - timedelta(minutes=130)

    @property
    def last(self) -> datetime:
        """End of the recording."""
        return self.end or self.incident_start + timedelta(minutes=75)

    @property
    def total(self) -> int:
        """Real requests before retries."""
        minutes = (self.last - self.first).total_seconds() / 60
        return self.requests or max(1, round(self.requests_per_minute * minutes))

    def onset_of(self, fault: Fault) -> datetime:
        """The start of a fault."""
        if fault.onset:
            return fault.onset
        return self.first if fault.kind is FaultKind.EXISTING else self.incident_start

    def healthy(self) -> "Scenario":
        """The scenario without its faults."""
        return self.model_copy(update={"faults": ()})
