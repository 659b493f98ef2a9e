"""Settings from flags, the environment (TSG_…) and a file, and the guide's thresholds, each defined once.

An environment variable names a nested value with two underscores: TSG_THRESHOLDS__ENDPOINT__SUCCESS=95.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as NotRead

from tsg_agent.errors import SettingsError

FOLDER_FILE = "tsg.toml"
CONFIG = "TSG_CONFIG"
"""The environment variable with the path of a settings file that replaces the current folder's."""


class Thresholds(BaseModel):
    """Base of the groups below. Rates are percent, times milliseconds, unless a name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VersionThresholds(Thresholds):
    """Guide, Step 2."""

    minimum_requests: int = Field(1000, description="a version needs more requests than this to be compared")
    regression_points: float = Field(
        10, description="rise of the failure rate over the version before, percentage points"
    )
    slow_ms: float = Field(5000, description="a request slower than this is slow")
    slow_rate: float = Field(10, description="percent of slow requests: PERFORMANCE_DEGRADATION")
    limit: int = 5


class FlagThresholds(Thresholds):
    """Guide, Step 3. The SQL's rule and the prose's rule differ: either gives the label, the prose's the action."""

    minimum_requests: int = 100
    error_rate: float = Field(15, description="the SQL's rule")
    error_requests: int = 500
    action_error_rate: float = Field(8, description="the prose's rule")
    action_requests: int = 1000
    p95_ms: float = 5000
    p95_requests: int = 500
    latency_zscore: float = 3
    limit: int = 10


class RegionThresholds(Thresholds):
    """Guide, Step 4."""

    minimum_requests: int = 1000
    critical: float = Field(95, description="availability (2xx) under this, percent")
    warning: float = 99
    trend_slope: float = Field(0.01, description="points per second")


class PartitionThresholds(Thresholds):
    """Guide, Step 5."""

    minimum_requests: int = 100
    error_rate: float = 10
    latency_ms: float = 3000
    latency_deviation_ms: float = 1000
    success: float = 95
    score_fast_ms: float = 1000
    score_slow_ms: float = 3000
    limit: int = 20


class ZoneThresholds(Thresholds):
    """Guide, Step 6."""

    minimum_requests: int = 500
    critical: float = 90
    degraded: float = 95
    infrastructure_error_rate: float = 5
    latency_ms: float = 2000
    cpu: float = 80
    memory: float = 85
    score_fast_ms: float = 500
    score_medium_ms: float = 1000
    score_slow_ms: float = 2000
    sample_age_minutes: int = Field(5, description="oldest metrics sample that still speaks for a request")


class EndpointThresholds(Thresholds):
    """Guide, Step 7."""

    minimum_requests: int = 100
    server_error_rate: float = 10
    success: float = 90
    p99_ms: float = 5000
    client_error_rate: float = 30
    cache_hit_rate: float = 20
    cache_requests: int = 1000
    limit: int = 25


class ProductThresholds(Thresholds):
    """Guide, Step 8."""

    minimum_requests: int = 100
    premium_success: float = 99.5
    standard_success: float = 99
    critical: float = 95
    retry_rate: float = 20
    dependency_failures: float = 10
    latency_ms: float = 3000
    premium_weight: int = 10
    standard_weight: int = 3
    limit: int = 20


class WorkflowThresholds(Thresholds):
    """Guide, Step 9."""

    completion: float = 99
    critical: str = Field("CRITICAL", description="the business criticality that the rule is about")
    completed: tuple[str, ...] = ("COMPLETED",)
    running: tuple[str, ...] = ("RUNNING", "IN_PROGRESS", "PENDING", "STARTED", "QUEUED")


class ErrorThresholds(Thresholds):
    """Guide, Step 10."""

    spike_per_hour: float = 100
    cascading_share: float = 0.1
    transient_share: float = 0.5
    urgent_hours: float = 1
    high_users: int = 1000
    occurrence_weight: float = 0.3
    users_weight: float = 0.4
    cascading_weight: float = 0.2
    velocity_weight: float = 0.1
    limit: int = 10


class VerdictThresholds(Thresholds):
    """How evidence becomes a cause: docs/verdicts.md."""

    guard_minutes: int = Field(15, description="left out before the incident's start, in case it is reported late")
    bucket_minutes: int = Field(5, gt=0, le=1440)
    minimum_requests: int = Field(30, description="on each side of the incident's start")
    false_discovery_rate: float = Field(0.01, description="of steps of other guides that are compared")
    moment_alpha: float = Field(0.01, gt=0, description="chance that a moment is found where nothing changed")
    search_alpha: float = Field(0.001, gt=0, description="chance that a description is found where nothing is special")
    minimum_excess: float = Field(5, description="failures beyond expectation")
    minimum_rise: float = Field(0.5, description="points")
    new_share: float = Field(0.2, description="new: the rate before is under this share of the rate after")
    gate_z: float = 2.33
    contrast_ratio: float = Field(1.5, description="a subject's rise (or rate) must be this many times the rest's")
    whole_traffic: float = Field(0.95, description="a subject with this share of the traffic has no contrast")
    causes: int = Field(3, description="causes that are explained away in turn")
    redirects: float = Field(0.5, description="percent of 3xx that is worth a note")
    unknown: float = Field(0.5, description="percent of requests without a status that is worth a note")


class AllThresholds(Thresholds):
    """Every number a rule compares with."""

    version: VersionThresholds = VersionThresholds()
    flag: FlagThresholds = FlagThresholds()
    region: RegionThresholds = RegionThresholds()
    partition: PartitionThresholds = PartitionThresholds()
    zone: ZoneThresholds = ZoneThresholds()
    endpoint: EndpointThresholds = EndpointThresholds()
    product: ProductThresholds = ProductThresholds()
    workflow: WorkflowThresholds = WorkflowThresholds()
    error: ErrorThresholds = ErrorThresholds()
    verdict: VerdictThresholds = VerdictThresholds()


class ModelSettings(BaseModel):
    """The language model, if any, and what one investigation or one question may spend on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", description="the model's name; empty = rules only")
    base_url: str = Field("", description="an OpenAI-compatible endpoint; empty = OPENAI_BASE_URL, else OpenAI's own")
    api_key: SecretStr | None = Field(None, description="unset = OPENAI_API_KEY; a local server needs none")
    timeout: float = Field(60, gt=0, description="seconds one call may take")
    retries: int = Field(2, ge=0, description="further tries after a transient error (429, 5xx, timeout)")
    longest_wait: float = Field(30, ge=0, description="seconds to wait for a retry at most, whatever Retry-After asks")
    maximum_calls: int = Field(8, ge=0, description="calls, each try counted")
    maximum_tokens: int = Field(60_000, ge=0, description="tokens, read and written")
    maximum_seconds: float = Field(300, ge=0, description="seconds of all calls together, waits between them too")
    maximum_cost: float | None = Field(None, ge=0, description="money; needs the prices")
    input_price: float | None = Field(None, ge=0, description="money per million tokens read")
    output_price: float | None = Field(None, ge=0, description="money per million tokens written")
    answer_tokens: int = Field(4_000, gt=0, description="tokens one answer may have")
    text_characters: int = Field(12_000, gt=0, description="characters of an incident's text that a model reads")
    analyse: bool = Field(True, description="let the model analyse the workflows with code of its own, to compare")
    redact: bool = Field(True, description="hide e-mails, addresses, user ids and secrets from the model")


class SandboxSettings(BaseModel):
    """Where code that a model wrote runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unsafe_no_isolation: bool = Field(
        False, description="run a model's code unisolated, each result saying so; only taken from the environment"
    )


_FOLDER = {
    "thresholds", "query_timeout", "memory_limit", "threads", "window_hours", "default_threshold", "maximum_groups",
    "unreadable_percent", "template_paths", "telemetry", "mapping",
    *("model." + name for name in (
        "timeout", "retries", "longest_wait", "maximum_calls", "maximum_tokens", "maximum_seconds", "maximum_cost",
        "input_price", "output_price", "answer_tokens", "text_characters", "analyse",
    )),
}  # fmt: skip
"""Settings that tsg.toml may set. The current folder is untrusted: the file may change thresholds and limits, and name
telemetry in that folder; but not endpoints, folders for data, keys, redaction, or isolation."""


class _File(TomlConfigSettingsSource):
    """tsg.toml of the current folder, or the file that TSG_CONFIG names: whoever names one trusts it."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        named = os.environ.get(CONFIG, "")
        if named and not Path(named).expanduser().is_file():
            raise SettingsError(f"{CONFIG} names {named}, which is no file.", fix=f"Mend or unset {CONFIG}.")
        self._place, self._trusted = named or FOLDER_FILE, bool(named)
        super().__init__(settings_cls, toml_file=self._place)

    def __call__(self) -> dict[str, Any]:
        held = super().__call__()
        set_here = list(_set_in(held))
        unknown = [name for name in set_here if not _is_setting(name)]
        if unknown:
            raise SettingsError(
                f"{self._place} sets {', '.join(unknown)}, which is no setting.", fix="`tsg-agent settings` lists them."
            )
        trusted = {name for name in set_here if self._trusted and not name.startswith("sandbox")}
        refused = [name for name in set_here if name not in _FOLDER | trusted]
        if refused:
            variables = ", ".join(f"TSG_{name.upper().replace('.', '__')}" for name in refused)
            other = "" if any(name.startswith("sandbox") for name in refused) else f", or name the file with {CONFIG}"
            raise SettingsError(
                f"{Path(self._place).absolute()} may not set {', '.join(refused)}: a file may be anybody's.",
                fix=f"If the file is yours, take it out there and set {variables} in the environment{other}.",
            )
        outside = [name for name in PLACES if not self._trusted and _outside(held.get(name))]
        if outside:
            raise SettingsError(
                f"{Path(self._place).absolute()} sets {', '.join(outside)} to a place outside of its folder.",
                fix=f"Name places in the folder there; others in a file that {CONFIG} names, or with the flag.",
            )
        return held


PLACES = ("telemetry", "mapping")
"""Settings that name files: a folder's tsg.toml may name files in that folder only."""


def _outside(place: object) -> bool:
    return isinstance(place, str) and not Path(place).resolve().is_relative_to(Path.cwd().resolve())


def _set_in(held: dict[str, Any]) -> Iterator[str]:
    """The names of the settings in a file; a group of thresholds counts as one."""
    for name, value in held.items():
        inner = value if name in {"model", "sandbox"} and isinstance(value, dict) else None
        yield from [name] if inner is None else [f"{name}.{one}" for one in inner]


def _is_setting(name: str) -> bool:
    group, _, inner = name.partition(".")
    groups: dict[str, type[BaseModel]] = {"model": ModelSettings, "sandbox": SandboxSettings}
    return inner in groups[group].model_fields if inner else group in Settings.model_fields


class Settings(BaseSettings):
    """All settings. Flags win over the environment, which wins over the file, which wins over the defaults."""

    model_config = SettingsConfigDict(env_prefix="TSG_", env_nested_delimiter="__", extra="forbid", frozen=True)

    thresholds: AllThresholds = AllThresholds()
    model: ModelSettings = ModelSettings()
    sandbox: SandboxSettings = SandboxSettings()
    telemetry: str = Field("", description="telemetry to take where no --telemetry names one")
    mapping: str = Field("", description="mapping to take where no --mapping names one: a file, or a ready one's name")
    query_timeout: float = Field(60, gt=0, le=86_400, description="seconds one query may take before it is cancelled")
    memory_limit: str = Field("2GB", description="memory an investigation may use, 45 % of it for DuckDB")
    threads: int | None = Field(None, description="threads DuckDB may use; None = all cores")
    window_hours: float = Field(2, gt=0, le=8_760, description="how long before the incident's start the window opens")
    default_threshold: float = Field(
        99.9, gt=0, le=100, description="SLA threshold where the incident names none, percent"
    )
    unreadable_percent: float = Field(
        1, ge=0, le=100, description="percent of a table's lines, or of a column's values, that may be unreadable"
    )
    template_paths: bool = Field(True, description="count paths that differ in their ids only as one: /order/{id}")
    maximum_groups: int = Field(100_000, description="groups a check reads before it says that it was cut")
    state_dir: Path = Field(
        Path("~/.local/state/tsg-agent"), description="where investigations, their events and reports are kept"
    )
    keep_days: float | None = Field(90, gt=0, description="how long an investigation is kept; None = always")
    keep_number: int | None = Field(1_000, gt=0, description="investigations kept, newest first; None = all")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file is read: it would surprise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor a folder of secrets
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file."""
        return init_settings, env_settings, _File(settings_cls)


def load_settings() -> Settings:
    """The current settings. Raises SettingsError, naming the invalid setting and its possible sources."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        raise SettingsError(
            f"The setting {name} is wrong: {problem['msg']}.",
            fix=f"Settings come from TSG_… variables of the environment, and from {_file()}.",
        ) from error
    except NotRead as error:
        raise SettingsError(f"A setting is wrong: {error}.", fix="A group of settings is a JSON object.") from error
    except (OSError, ValueError, RecursionError) as error:  # invalid TOML or UTF-8; a huge number; too deep nesting
        raise SettingsError(f"{_file()} cannot be read: {error}.", fix="Mend it, or move it away.") from error


def _file() -> str:
    return os.environ.get(CONFIG) or f"{FOLDER_FILE} in this folder"
