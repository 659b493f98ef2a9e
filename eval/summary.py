"""From results to scores with intervals."""

from collections.abc import Iterable
from dataclasses import dataclass

from eval.intervals import Interval, bootstrap, mean_interval, pass_hat
from eval.results import Result, Run, by_case
from eval.scorers import COSTS, FAULTS, SHARES


@dataclass(frozen=True)
class Score:
    """One score over many incidents."""

    name: str
    mean: float
    interval: Interval
    cases: int


def scores_of(results: list[Result]) -> list[Score]:
    """Each score over the incidents that it applies to. Runs of one incident are averaged."""
    found = []
    for name in (*SHARES, *FAULTS):
        values = _per_case(results, name)
        if values:
            found.append(Score(name, sum(values) / len(values), mean_interval(values), len(values)))
    found += _passes(results)
    for name in COSTS:
        values = _per_case(results, name)
        if values:
            found.append(Score(name, sum(values) / len(values), bootstrap(values), len(values)))  # not shares
    return found


def _per_case(results: Iterable[Result], name: str) -> list[float]:
    """Each incident's mean over its runs, which are not independent."""
    means = []
    for runs in by_case(results).values():
        values = [value for run in runs if (value := run.scores.get(name)) is not None]
        if values:
            means.append(sum(values) / len(values))
    return means


def _passes(results: list[Result]) -> list[Score]:
    cases = list(by_case(results).values())
    if not cases:
        return []
    k = min(len(runs) for runs in cases)
    firsts = [sum(run.passed for run in runs) / len(runs) for runs in cases]
    found = [Score("pass@1", sum(firsts) / len(firsts), mean_interval(firsts), len(firsts))]
    if k > 1:
        hats = [pass_hat(sum(run.passed for run in runs), len(runs), k) for runs in cases]
        found.append(Score(f"pass^{k}", sum(hats) / len(hats), mean_interval(hats), len(hats)))
    return found


def sets_of(run: Run) -> dict[str, list[Result]]:
    """The results by seeds: the fixed ones, and each fresh number beside them."""
    sets: dict[str, list[Result]] = {}
    if fixed := run.of(reseed=0):
        sets["fixed seeds"] = fixed
    for number in sorted({result.reseed for result in run.results if result.reseed}):
        sets[f"fresh seeds {number}"] = run.of(reseed=number)
    return sets
