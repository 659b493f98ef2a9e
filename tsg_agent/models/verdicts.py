"""What the evidence says: onset, contrast, causes and what is dismissed."""

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from tsg_agent.models.base import Model, Subject


class Measure(StrEnum):
    """What is counted as a failure. Each of the guide's labels names its own."""

    SERVER_ERRORS = "server_errors"  # 5xx
    NOT_SUCCESSFUL = "not_successful"  # not 2xx
    RATE_LIMITED = "rate_limited"  # 429
    CLIENT_ERRORS = "client_errors"  # 4xx
    UNANSWERED = "unanswered"  # no status is recorded: cut off, or nobody knows
    SLOW = "slow"  # over 5 s
    SLOWER = "slower"  # over twice the 99th percentile of the time before
    RETRIES = "retries"
    WORKFLOW_FAILURES = "workflow_failures"  # runs of a workflow that did not complete


class Rate(Model):
    """Failures among requests (for workflows: among runs)."""

    failures: int
    requests: int

    @property
    def percent(self) -> float:
        """Failures, percent of requests; 0 without requests."""
        return 100.0 * self.failures / self.requests if self.requests else 0.0


class OnsetKind(StrEnum):
    """How a subject's rate changed when the incident began."""

    NEW = "new"
    WORSE = "worse"
    APPEARED = "appeared"
    UNCHANGED = "unchanged"
    BETTER = "better"
    UNKNOWN = "unknown"


class Onset(Model):
    """Did it change when the incident began?"""

    kind: OnsetKind
    before: Rate | None = None
    after: Rate | None = None
    excess: float = Field(0.0, description="failures beyond what the rate before would have given")
    z: float | None = Field(None, description="signed root of G2, divided by the root of the overdispersion")
    p: float | None = Field(None, description="one-sided p of z")
    reason: str = Field("", description="why unknown")


class Contrast(Model):
    """Is it worse than the rest, at the same time?"""

    method: str = Field(description="difference_in_differences, cochran_mantel_haenszel or none")
    subject: Rate | None = None
    rest: Rate | None = None
    difference: float | None = Field(
        None, description="points by which the subject exceeds the rest (after its own rise)"
    )
    z: float | None = None
    p: float | None = None
    significant: bool = False
    reason: str = Field("", description="why there is none")


class Tier(StrEnum):
    """How far the guide goes: Step 9 is definitive, Steps 2 and 3 a potential resolution, the rest symptoms."""

    DEFINITIVE = "definitive"
    POTENTIAL = "potential"
    SYMPTOM = "symptom"


class Confidence(StrEnum):
    """Confirmed: every rule holds. Suspected: worth a look, never a rollback."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Visible(Model):
    """Another subject in which a cause shows: its blast radius, or the workflow that it breaks."""

    subject: Subject
    step: int
    label: str
    before: Rate | None = None
    after: Rate | None = None
    without: Rate | None = Field(
        None, description="the same subject after the incident's start, the cause's requests taken out"
    )
    evidence: list[str] = Field(default_factory=list)


class Effect(Model):
    """What undoing a cause would bring: the same requests (or runs) since the start, as they are and without it."""

    measure: Measure
    now: Rate
    then: Rate = Field(description="failures that would be left, an estimate: the cause's requests as the rest's")


class Verdict(Model):
    """One subject, judged: a cause where `confidence` is set, dismissed where `dismissal` is."""

    subject: Subject
    step: int
    label: str
    measure: Measure
    tier: Tier
    onset: Onset
    contrast: Contrast
    began: AwareDatetime | None = Field(None, description="where it began later than the incident: when")
    confidence: Confidence | None = None
    shortfalls: list[str] = Field(default_factory=list, description="rules that a suspect falls short of, in words")
    dismissal: str = Field("", description="unchanged, below_threshold, no_contrast, no_onset, too_few, everything, …")
    reason: str = Field("", description="the dismissal in words, with its figures")
    detail: dict[str, Any] = Field(
        default_factory=dict, description="what the step's action needs (version to return to, …)"
    )
    evidence: list[str] = Field(default_factory=list, description="rows this rests on: E5.1, M.12")
    also_visible_in: list[Visible] = Field(default_factory=list)
    impact: list[Visible] = Field(default_factory=list, description="workflows that fail because of it")
    effect: Effect | None = Field(None, description="what undoing it would bring; None = not known")


class Gate(Model):
    """Is there something to explain? One per measure."""

    measure: Measure
    open: bool
    reason: str
    onset: Onset


class Point(Model):
    """One 5-minute bucket."""

    time: AwareDatetime
    requests: int
    failures: int


class Series(Model):
    """A subject's failures over time; {} is the service as a whole."""

    subject: Subject
    measure: Measure
    points: list[Point]


class MeasuredRow(Model):
    """A measured subject that a verdict cites, as M.<i>."""

    id: str
    subject: Subject
    measure: Measure
    window: Rate
    before: Rate | None
    after: Rate | None


class Start(Model):
    """When the incident began: measured as the change point of the failures, beside what was reported."""

    measured: AwareDatetime | None = Field(None, description="UTC; None = nothing changed in the window")
    earliest: AwareDatetime | None = Field(None, description="the interval of the measured start, some 95 %")
    latest: AwareDatetime | None = None
    ended: AwareDatetime | None = Field(None, description="when it was over, within the window")
    reported: AwareDatetime | None = Field(None, description="what the incident's text or a flag says")
    doubted: bool = Field(False, description="a start was reported, and nothing changed in the window")
    measure: Measure | None = Field(None, description="the outcome that rose")


class TrafficLoss(Model):
    """Requests that stopped coming. They have no rows, so they are in no share of failures."""

    subject: Subject = Field(default_factory=dict, description="whose; empty = the whole service's")
    since: AwareDatetime = Field(description="UTC")
    before: float = Field(description="requests a minute before")
    until: AwareDatetime | None = Field(None, description="when they came again; None = not in the window")
    after: float = Field(description="requests a minute since then, until they came again or the window ended")

    @property
    def percent(self) -> float:
        """By how much they fell, percent."""
        return 100.0 * (1 - self.after / self.before)


class OtherRegion(Model):
    """Another region that fails more since a moment (5xx), where the one that was looked at does not."""

    region: str
    since: AwareDatetime = Field(description="UTC, measured")
    before: Rate
    after: Rate


class Group(Model):
    """A customer tier, or a region: what failed there before the start and since."""

    subject: Subject
    before: Rate | None = None
    after: Rate
    stands_out: bool = Field(description="it fails more than the others (a tier), or than before (a region)")


class Reach(Model):
    """Who is hit since the start, by what the confirmed causes fail; without one, by all that fails."""

    users_hit: int | None = Field(None, description="users with a failed request; None where no request names its user")
    users: int | None = Field(None, description="all users seen since the start")
    traffic: Rate | None = Field(None, description="requests that the causes are about (as `failures`), of all")
    tiers: list[Group] = Field(default_factory=list)
    regions: list[Group] = Field(default_factory=list, description="the others, that the incident is not about")


class Trend(StrEnum):
    """Which way an incident goes."""

    BETTER = "better"
    WORSE = "worse"
    STEADY = "steady"
    OVER = "over"
    UNKNOWN = "unknown"


class Course(Model):
    """Whether it gets better or worse: the last minutes against those before them, since the start."""

    trend: Trend
    until: AwareDatetime = Field(description="when the telemetry, or the window, ends")
    minutes: int = Field(description="length of `latest`")
    measure: Measure
    latest: Rate
    earlier: Rate | None = None


class Mention(Model):
    """A name or a change that the incident's text brings up, and what was measured of it."""

    words: str = Field(description="as the text has it")
    kind: str = Field(description="its dimension in words: version, flag, component, …")
    subject: Subject | None = Field(None, description="what it is called in the telemetry; None = it is not there")
    measure: Measure = Measure.SERVER_ERRORS
    before: Rate | None = None
    after: Rate | None = None
    rest: Rate | None = Field(None, description="all other requests since the start")
    cited: str = Field("", description="the measured row of its figures, M.<i>; empty = it has none")


class Description(Model):
    """A description that the search looked at: what it would explain, and of what it is made."""

    subject: Subject
    measure: Measure
    score: float = Field(description="nats that it explains, less what its length costs")
    excess: float = Field(description="failures since the start beyond the rate before")
    before: Rate
    after: Rate
    rest: Rate = Field(description="all other requests since the start")


class Judgement(Model):
    """All verdicts of an investigation, causes in rank order."""

    gates: list[Gate]
    causes: list[Verdict]
    rejected: list[Verdict]
    series: list[Series]
    measured: list[MeasuredRow]
    start: Start = Start()
    traffic: TrafficLoss | None = Field(None, description="requests that stopped coming; None = they came as before")
    elsewhere: OtherRegion | None = Field(None, description="another region that fails; None = none, or this one does")
    considered: list[Description] = Field(default_factory=list, description="the best ten of the first search")
    reach: Reach | None = Field(None, description="who is hit; None = nothing began, or it is not known when")
    course: Course | None = Field(None, description="better or worse now; None as with `reach`")
    mentioned: list[Mention] = Field(default_factory=list, description="what the text suspects, in its order")
    notes: list[str] = Field(default_factory=list, description="doubted start, entry component, redirects, …")
    unmade: str = Field("", description="why no verdict could be made; empty where they were")
