"""`python -m eval ablation`: ablates each rule of the verdicts on three sources of incidents; prints a Markdown table.

Each incident's evidence is fetched once, and judged without each rule. Metrics: F1 of exact descriptions, precision of
the first cause; for quiet incidents, confirmed causes. "Said otherwise": incidents whose causes, confidence or measured
start differ.
"""

import importlib
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from eval.bounds.command import default_shared
from eval.cache import default_cache, telemetry_of
from eval.cases import ExpectedCause, load_all
from eval.conclusion import concluded
from eval.localization.case import LocalizationCase, load, write
from eval.localization.case import load_all as load_localization
from eval.localization.make import make
from eval.localization.score import Named, scores_of
from tsg_agent.models import Confidence, Judgement, Measure
from tsg_agent.verdicts.judge import Evidence, Judged, judge

T = TypeVar("T")
VERDICTS = "tsg_agent.verdicts"


class Patch(NamedTuple):
    """A name in a module (or in one of its classes), and its replacement."""

    module: str
    name: str
    value: Any


@dataclass(frozen=True)
class Rule:
    """A rule, and how it is ablated: by patches, or by settings of the verdicts."""

    name: str
    patches: tuple[Patch, ...] = ()
    settings: tuple[tuple[str, float], ...] = ()

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """Apply the patches inside the block."""
        saved = []
        for module, path, value in self.patches:
            owner: Any = importlib.import_module(f"{VERDICTS}.{module}")
            *classes, name = path.split(".")
            for one in classes:
                owner = getattr(owner, one)
            saved.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        try:
            yield
        finally:
            for owner, name, value in saved:
                setattr(owner, name, value)

    def applied(self, evidence: Evidence) -> Evidence:
        """The evidence with the rule's settings."""
        verdict = evidence.limits.verdict.model_copy(update=dict(self.settings))
        return replace(evidence, limits=evidence.limits.model_copy(update={"verdict": verdict}))


def _of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{VERDICTS}.{module}"), name)


def _same(_self: Any, given: Any, *_: Any) -> Any:
    return given


def _unbounded(*counts: Any) -> Any:
    return np.full(np.shape(counts[2]), np.inf)


def _no_common_rise(search: Callable[..., Any]) -> Callable[..., Any]:
    def made(*given: Any, **named: Any) -> Any:
        one = search(*given, **named)
        one.apart[:] = True
        return one

    return made


def rules() -> list[Rule]:
    """All ablations; the first one removes nothing."""
    places = (("onset", "_costs"), ("onset", "_span"), ("causes", "Search"))
    costs, span, search = (_of(*place) for place in places)
    return [
        Rule("none"),
        Rule("overdispersion", (
            Patch("onset", "_phi", lambda *_: 1.0), Patch("confidence", "MinuteSeries.dispersion", lambda *_: 1.0),
        )),
        Rule("a reported start is a prior", (
            Patch("onset", "_costs", lambda count, step, _: costs(count, step, None)),
        )),
        Rule("a bad minute hides no start", (Patch("onset", "_lasting", span),)),
        Rule("a ramp begins before its steepest part", (Patch("onset", "GROWN", 1e9),)),
        Rule("minutes around the start are left out", settings=(("guard_minutes", 0),)),
        Rule("requests without an answer are an outcome", (
            *(Patch("causes", name, tuple(one for one in _of("causes", name) if one is not Measure.UNANSWERED))
              for name in ("FAILING", "OUTCOMES")),
        )),
        Rule("the outcome that costs more requests first", (Patch("judge", "_lost", lambda _: defaultdict(float)),)),
        Rule("a moment of a part", (Patch("causes", "Explainer.moment_of_a_part", lambda *_: None),)),
        Rule("a cause's own, sharper start", (Patch("causes", "Explainer.sharper", lambda _, one: one.moment),)),
        Rule("a rise common to all", (Patch("causes", "Search", _no_common_rise(search)),)),
        Rule("no more than the own change explains", (Patch("search", "g2_z", _unbounded),)),
        Rule("conjunctions", (Patch("search", "LONGEST", 1),)),
        Rule("confounders are compared where both are recorded", (Patch("search", "Search._compared", _same),)),
        Rule("local moves", (Patch("search", "Search._improved", _same),)),
        Rule("a value goes where the rest rises too", (Patch("search", "Search._shortened", _same),)),
        Rule("… and stays where it is clearly well", (Patch("search", "Search._spared", lambda *_: False),)),
        Rule("what only failures carry describes them", (
            Patch("causes", "describing", lambda _requests, _column, codes, _before: np.zeros(len(codes), bool)),
        )),
        Rule("a dependency behind its interfaces", (Patch("judge", "with_dependencies", lambda one, _: one),)),
        Rule("explaining away (one cause)", settings=(("causes", 1),)),
        Rule("direction by calls", (Patch("causes", "callers_of_what_fails", lambda *_: set()),)),
        Rule("correction for all that was looked at", settings=(("search_alpha", 0.9999), ("moment_alpha", 0.9999))),
        Rule("1.5 times the rest's rise", settings=(("contrast_ratio", 0.0),)),
        Rule("least excess and rise", settings=(("minimum_excess", 0.0), ("minimum_rise", 0.0))),
        Rule("what is new has others' before", settings=(("minimum_requests", 0),)),
        Rule("the service's own gate", settings=(("gate_z", -math.inf),)),
        Rule("nearly significant is a suspect", (Patch("causes", "Explainer._faint", lambda *_: None),)),
    ]  # fmt: skip


class Held(NamedTuple):
    """An incident's evidence and true answer: exact descriptions, or causes of the exam; neither = quiet."""

    name: str
    evidence: Evidence
    true: list[dict[str, str]]
    causes: list[ExpectedCause]


@contextmanager
def _overheard() -> Iterator[list[Evidence]]:
    """Captures the evidence that is judged inside the block; the last is of the window that stands."""
    judging: Any = importlib.import_module("tsg_agent.suspects")
    heard: list[Evidence] = []

    def listening(evidence: Evidence) -> Judged:
        heard.append(evidence)
        return judge(evidence)

    judging.judge = listening
    try:
        yield heard
    finally:
        judging.judge = judge


def _localization(case: LocalizationCase) -> Held | None:
    with _overheard() as heard:
        concluded(case.text, case.telemetry, case.now, {})
    return Held(case.name, heard[-1], list(case.label.root_cause), []) if heard else None


def held(source: str, shared: Path, cache: Path, count: int) -> Iterator[Held | None]:
    """A source's incidents, each investigated once."""
    if source == "real":
        for one in _spread(load_localization(shared / "localization" / "real"), count):
            yield _localization(load(one.telemetry.parent))
    elif source in {"made", "quiet"}:
        for number in range(count):
            with tempfile.TemporaryDirectory(prefix="ablation-") as scratch:
                made = make(SEED, number, quiet=source == "quiet")
                yield _localization(write(made, Path(scratch) / "case", number))
    else:
        cases = [case for case in load_all() if not case.expected.asked and case.recipe]
        for case in _spread(cases, count):
            with _overheard() as heard:
                concluded(case.text, telemetry_of(case, cache), case.now, {})
            yield Held(case.id, heard[-1], [], list(case.expected.causes)) if heard else None


def _spread(every: Sequence[T], count: int) -> Sequence[T]:
    """At most `count` items, evenly spaced."""
    return every[:: -(-len(every) // count)]


SEED = 4243


def _named(one: Held, made: Judgement) -> tuple[Named, bool | None]:
    subjects = [dict(cause.subject) for cause in made.causes if cause.confidence is not None]
    sure = sum(cause.confidence is Confidence.CONFIRMED for cause in made.causes)
    first = None if not one.causes else bool(subjects) and any(cause.holds(subjects[0]) for cause in one.causes)
    return Named(case=one.name, true=one.true, named=subjects, confirmed=sure), first


def without(rule: Rule, some: list[Held]) -> list[Judgement]:
    """Judgements of some incidents without a rule."""
    with rule.left_out():
        return [judge(rule.applied(one.evidence)).judgement for one in some]


def said(made: Judgement) -> tuple[object, ...]:
    """What a reader acts on: the ranked causes, their confidence, and the start."""
    return [(cause.subject, cause.confidence) for cause in made.causes], made.start.measured


def score(source: str, some: list[Held], judged: list[Judgement]) -> list[str]:
    """A source's metrics without a rule, as table cells, by kind of source."""
    named = [_named(one, made) for one, made in zip(some, judged, strict=True)]
    if source == "exam":
        asked = [first for _, first in named if first is not None]
        blamed = sum(one.confirmed > 0 for one, first in named if first is None)
        return [f"{sum(asked) / max(len(asked), 1):.3f}", str(blamed)]
    scores = scores_of([one for one, _ in named])
    if source == "quiet":
        return [str(sum(one.confirmed > 0 for one, _ in named))]
    return [f"{scores.f1 or 0:.3f}", f"{scores.first or 0:.3f}"]


HEADS = {
    "real": ("real: F1", "first"), "made": ("made: F1", "first"), "exam": ("exam: first", "false alarms"),
    "quiet": ("quiet: confirmed",),
}  # fmt: skip


def command(
    count: Annotated[int, typer.Option(min=1, help="incidents of each source, at most")] = 40,
    shared: Annotated[Path | None, typer.Option(help="folder of localization/")] = None,
    only: Annotated[list[str] | None, typer.Option(help="a rule; may be repeated")] = None,
    cache: Annotated[Path | None, typer.Option(help="where made telemetry is kept")] = None,
) -> None:
    """Take each rule of the verdicts out, and print what is lost without it on each source of incidents."""
    none, *others = rules()
    unknown = sorted(set(only or ()) - {rule.name for rule in others})
    if unknown:
        raise typer.BadParameter(f"no rule {', '.join(unknown)}; known: {', '.join(rule.name for rule in others)}")
    errors, shared = Console(stderr=True), shared or default_shared()
    sources = [one for one in HEADS if one != "real" or (shared / "localization" / "real").is_dir()]
    every = [none, *(rule for rule in others if not only or rule.name in only)]
    cells: dict[str, list[str]] = {rule.name: [] for rule in every}
    changed = dict.fromkeys(cells, 0)
    heads: list[str] = []
    for source in sources:
        found = held(source, shared, cache or default_cache(), count)
        some = [one for one in track(found, source, console=errors) if one is not None]
        heads += [f"{head} ({len(some)})" if place == 0 else head for place, head in enumerate(HEADS[source])]
        whole = without(none, some)
        for rule in track(every, f"{source}, {len(some)} incidents", console=errors):
            judged = whole if rule is none else without(rule, some)
            cells[rule.name] += score(source, some, judged)
            changed[rule.name] += sum(said(one) != said(other) for one, other in zip(judged, whole, strict=True))
    heads = ["without", *heads, "said otherwise"]
    lines = [heads, ["---"] * len(heads), *([name, *row, str(changed[name])] for name, row in cells.items())]
    typer.echo("\n".join(f"| {' | '.join(line)} |" for line in lines))
