"""A rule of the linter: a function that finds one kind of problem, declared with what is said of it."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pydantic import Field
from sqlglot import exp

from tsg_agent.guides.facts import Facts
from tsg_agent.guides.guide import Query, WrittenStep
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.models import Model

Severity = Literal["error", "warning", "note"]
T = TypeVar("T")
DUCKDB, POSTGRES = "DuckDB", "PostgreSQL"


class GuideProblem(Model):
    """One thing that is wrong with a guide, and where."""

    rule: str
    severity: Severity = Field(description="error: does not run, or leads nowhere; warning: says what is not so; note")
    line: int
    step: int | None = None
    plugin: int | None = None
    what: str = Field(description="what stands there")
    why: str = Field(description="what comes of it")
    fix: str = Field("", description="what to write instead, where that is safe to say")
    repaired: bool = Field(False, description="`run --guide` puts it right by itself")
    engines: tuple[str, ...] = Field((), description="engines that refuse the query for it")
    accepted: str = Field("", description="why the guide has it on purpose, by its front matter")


@dataclass(frozen=True)
class Occurrence:
    """What a rule found. `why`, `fix`, `severity` and `engines`: where they differ from the rule's."""

    at: exp.Expr | int
    """The part of a query, or the line of the file."""
    what: str
    why: str = ""
    fix: str = ""
    severity: Severity | None = None
    engines: tuple[str, ...] = ()
    within: Facts | Query | WrittenStep | None = None
    """The query or step that it is in; left out where the rule is asked of one query, or of no step."""


@dataclass(frozen=True)
class LintRule:
    """One kind of problem: its name, what it finds (for the documentation), and what is said of each."""

    name: str
    says: str
    severity: Severity
    why: str
    fix: str
    engines: tuple[str, ...]
    check: Callable[[Inspection], Iterable[Occurrence]]

    def problems(self, about: Inspection) -> Iterator[GuideProblem]:
        """Every problem of this kind in a guide."""
        return map(self.problem, self.check(about))

    def problem(self, found: Occurrence) -> GuideProblem:
        """What was found, with all that is said of it."""
        held = found.within.parsed if isinstance(found.within, Facts) else None
        query = held.query if held else found.within if isinstance(found.within, Query) else None
        step = query.step if query else found.within.number if isinstance(found.within, WrittenStep) else None
        return GuideProblem(
            rule=self.name,
            severity=found.severity or self.severity,
            line=found.at if isinstance(found.at, int) else held.line(found.at) if held else 0,
            step=step,
            plugin=query.number if query else None,
            what=found.what,
            why=found.why or self.why,
            fix=found.fix or self.fix,
            engines=found.engines or self.engines,
        )


def over_guide(about: Inspection) -> Iterable[Inspection]:
    """For a rule that is asked of a whole guide."""
    return [about]


def over_queries(about: Inspection) -> Iterable[Facts]:
    """For a rule that is asked of each query."""
    return about.facts


def rule(
    over: Callable[[Inspection], Iterable[T]],
    severity: Severity,
    why: str = "",
    fix: str = "",
    engines: tuple[str, ...] = (),
) -> Callable[[Callable[[T], Iterable[Occurrence]]], LintRule]:
    """Declare a rule: the function's name is the rule's, its docstring says what it finds."""

    def declared(check: Callable[[T], Iterable[Occurrence]]) -> LintRule:
        def found(about: Inspection) -> Iterator[Occurrence]:
            for part in over(about):
                for one in check(part):
                    yield replace(one, within=part) if isinstance(part, Facts) else one

        says = inspect.cleandoc(check.__doc__ or "").removesuffix(".")
        return LintRule(check.__name__.replace("_", "-"), says, severity, why, fix, engines, found)

    return declared
