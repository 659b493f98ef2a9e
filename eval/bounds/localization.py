"""Bounds on localization (exact descriptions of the failing requests): recorded, small, generated, quiet cases."""

from functools import partial
from pathlib import Path

from eval.bounds.bound import UNKNOWN, Bound, Row, Setup, at_least, at_most, counted, here, readme
from eval.localization.case import load_all
from eval.localization.requests import Description
from eval.localization.run import Generated, Job, Recorded, Spec, put
from eval.localization.score import Named, right, scores_of, shape_of

ZONE, CLIENT, PATH = {"availability_zone": "zone-1"}, {"client_type": "client-2"}, {"endpoint_path": "/p/3"}
SMALL: dict[str, tuple[Description, ...]] = {
    "pair": (ZONE | CLIENT,),
    "triple": (ZONE | CLIENT | PATH,),
    "two-pairs-share-a-zone": (ZONE | CLIENT, ZONE | PATH),
}
"""True descriptions of the small cases, found by counting their rows: the labels lack them."""
EARLIER = {"one value": ".98", "pair": ".13", "triple": "0", "2 causes": ".45", "3 causes": ".45"}
"""F1 of version 0.1 on cases of another generator."""


def _put(setup: Setup, work: list[Job]) -> list[Named]:
    return setup.each(work, partial(put, spec=Spec(setup.settings)))


def _folders(root: Path | None) -> list[Job]:
    return [Recorded(case.telemetry.parent) for case in load_all(root)] if root else []


def real(setup: Setup) -> list[Row]:
    """Anomalies recorded at a large video service: F1 and recall@1."""
    named = _put(setup, setup.sample(_folders(setup.folder("localization", "real")), 5))
    scores = scores_of(named)
    rows = [
        at_least(f"real, {len(named)}: F1", scores.f1, 0.57, here(".53 (.47 of all 135)")),
        at_least(f"real, {len(named)}: first named is true", scores.first, 0.60, here(".53 (.42 of all 135)")),
    ]
    return rows + _shapes("real", named, {"one value": ".73", "pair": ".10"})


def small(setup: Setup) -> list[Row]:
    """Three small cases: exact descriptions, and an immediate action on each."""
    named = _put(setup, _folders(setup.folder("localization", "small")))
    known = [one.model_copy(update={"true": list(SMALL[one.case])}) for one in named if one.case in SMALL]
    exact = [right(one) == len(one.true) == len(one.named) for one in known]
    acted = [all(_acted(one, cause) for cause in one.true) for one in known]
    return [
        counted("small: exactly the true descriptions", exact, 0, here("0 of 3")),
        counted("small: an action now on each of them", acted, 0, here("0 of 3")),
    ]


def _acted(one: Named, cause: Description) -> bool:
    """True if an immediate action's target contains the whole description."""
    return any(step.now and cause.items() <= step.target.items() for step in one.actions)


def generated(setup: Setup) -> list[Row]:
    """Generated conjunctions: F1 and recall@1."""
    count = 30 if setup.quick else 200
    named = _put(setup, [Generated(setup.seed, number) for number in range(count)])
    scores = scores_of(named)
    return [
        at_least(f"generated, {count}, seed {setup.seed}: F1", scores.f1, 0.93, readme(".42 (34 held out)")),
        Row("generated: first named is true", "", f"{scores.first:.3f}", None, readme(".44 (34 held out)")),
        *_shapes("generated", named, EARLIER),
    ]


def quiet(setup: Setup) -> list[Row]:
    """Generated cases without a cause: false alarms."""
    count = 40 if setup.quick else 400
    named = _put(setup, [Generated(setup.seed, number, True) for number in range(count)])
    sure = sum(one.confirmed > 0 for one in named)
    return [
        Row(f"quiet, {count}: confirmed", "0", str(sure), not sure, here("0 of 40")),
        at_most(f"quiet, {count}: with a suspect", scores_of(named).alarms, 0.02, here(".075 of 40")),
    ]


def _shapes(group: str, named: list[Named], earlier: dict[str, str]) -> list[Row]:
    """F1 per shape of the truth (see `shape_of`), without targets."""
    shapes = dict.fromkeys(sorted(shape_of(one) for one in named))
    rows = []
    for shape in shapes:
        some = [one for one in named if shape_of(one) == shape]
        before = readme(earlier[shape]) if shape in earlier else UNKNOWN
        rows.append(Row(f"{group}, {shape} ({len(some)}): F1", "", f"{scores_of(some).f1 or 0:.3f}", None, before))
    return rows


BOUNDS = (
    Bound("real", real, ("localization", "real")),
    Bound("small", small, ("localization", "small")),
    Bound("generated", generated),
    Bound("quiet", quiet),
)
