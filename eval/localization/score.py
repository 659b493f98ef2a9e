"""F1, recall@k and false alarms of the named descriptions, by exact match; suspects count as named."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from eval.conclusion import Step
from eval.localization.requests import Description


class Named(BaseModel):
    """Result of one case: true descriptions, and the named ones in rank order."""

    model_config = ConfigDict(extra="forbid")
    case: str
    group: str = ""
    noise: str = ""
    true: list[Description] = Field(default_factory=list)
    named: list[Description] = Field(default_factory=list)
    confirmed: int = Field(0, description="of the named ones; the others are suspected")
    actions: list[Step] = Field(default_factory=list)
    error: str = Field("", description="why there is no answer; then nothing is named")
    seconds: float = 0.0


class Scores(BaseModel):
    """Scores over several cases; None if no case applies."""

    cases: int
    f1: float | None = Field(description="2 * right / (true + named), over all descriptions of all cases")
    first: float | None = Field(description="recall@1: share of cases with a cause whose first named one is true")
    three: float | None = Field(description="recall@3: share of those whose causes are all among the first three")
    alarms: float | None = Field(description="share of quiet cases of which anything is named")
    confirmed_alarms: float | None = Field(description="share of quiet cases of which anything is confirmed")
    failed: int = Field(description="cases without an answer")


def right(one: Named) -> int:
    """Number of true descriptions that are named exactly."""
    return sum(cause in one.named for cause in one.true)


def f1(named: Iterable[Named]) -> float | None:
    """Micro-averaged F1 (van Rijsbergen 1979) over all true and named descriptions; None if there are neither."""
    every = list(named)
    total = sum(len(one.true) + len(one.named) for one in every)
    return 2 * sum(map(right, every)) / total if total else None


def scores_of(named: Sequence[Named]) -> Scores:
    """Compute the scores."""
    ill, quiet = [one for one in named if one.true], [one for one in named if not one.true]
    return Scores(
        cases=len(named),
        f1=f1(ill) if ill else None,
        first=_share([one.named[:1] != [] and one.named[0] in one.true for one in ill]),
        three=_share([all(cause in one.named[:3] for cause in one.true) for one in ill]),
        alarms=_share([bool(one.named) for one in quiet]),
        confirmed_alarms=_share([one.confirmed > 0 for one in quiet]),
        failed=sum(bool(one.error) for one in named),
    )


def _share(values: list[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def shape_of(one: Named) -> str:
    """Shape of the truth: "quiet", "one value", "pair", "triple", or "N causes"."""
    if len(one.true) != 1:
        return f"{len(one.true)} causes" if one.true else "quiet"
    return {1: "one value", 2: "pair", 3: "triple"}.get(len(one.true[0]), f"{len(one.true[0])} values")
