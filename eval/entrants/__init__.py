"""Agents under evaluation (entrants): functions from a Question to an Answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias, cast

from eval.answer import Answer, Question

Entrant: TypeAlias = Callable[[Question], Answer]
OURS = {
    "rules": "eval.entrants.rules",
    "agent": "eval.entrants.rules",
    "guide": "eval.entrants.guide",
    "react": "eval.entrants.react",
}
"""Name -> module of the function with that name; imported on use, as each takes seconds."""


class EntrantError(Exception):
    """The entrant is unknown, cannot start, or returned no valid Answer."""


@dataclass(frozen=True)
class Spec:
    """A picklable description of an entrant. `timeout`: seconds per question.

    `name`: `rules`, `agent`, `guide`, `react`, `command:<command line>` or `python:<module>:<function>`.
    """

    name: str
    model: str | None = None
    base_url: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    timeout: float = 600
    title: str = ""
    """Label in results; "": name and model."""

    @property
    def label(self) -> str:
        """Label in results."""
        return self.title or (f"{self.name} {self.model}" if self.model else self.name)


def entrant_of(spec: Spec) -> Entrant:
    """Import and return the entrant of a spec. Raises EntrantError."""
    kind, _, rest = spec.name.partition(":")
    if kind in OURS and not rest:
        return cast("Entrant", getattr(import_module(OURS[kind]), kind)(spec))
    if kind in ("command", "python") and rest:
        outside = import_module("eval.entrants.outside")
        return cast("Entrant", outside.command(spec, rest) if kind == "command" else outside.function(rest))
    known = "rules, agent, guide, react, command:<command line>, python:<module>:<function>"
    raise EntrantError(f"no entrant {spec.name!r}; known: {known}")
