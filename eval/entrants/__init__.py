"""Who sits the exam. An entrant is a function from a Question to an Answer."""

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
"""Name -> the module with the function of that name. Loaded when asked for: each takes seconds of its own imports."""


class EntrantError(Exception):
    """An entrant that is not there, cannot start, or did not hand in an answer of the protocol."""


@dataclass(frozen=True)
class Spec:
    """An entrant by name, as it can be handed to another process.

    `rules`, `agent`, `guide`, `react`, `command:<command line>` or `python:<module>:<function>`.
    """

    name: str
    model: str | None = None
    base_url: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    timeout: float = 600
    title: str = ""
    """What results call it; empty: its name, and its model's."""

    @property
    def label(self) -> str:
        """How results are filed."""
        return self.title or (f"{self.name} {self.model}" if self.model else self.name)


def entrant_of(spec: Spec) -> Entrant:
    """The function behind a spec. What it needs is imported only now. Raises EntrantError."""
    kind, _, rest = spec.name.partition(":")
    if kind in OURS and not rest:
        return cast("Entrant", getattr(import_module(OURS[kind]), kind)(spec))
    if kind in ("command", "python") and rest:
        outside = import_module("eval.entrants.outside")
        return cast("Entrant", outside.command(spec, rest) if kind == "command" else outside.function(rest))
    known = "rules, agent, guide, react, command:<command line>, python:<module>:<function>"
    raise EntrantError(f"no entrant {spec.name!r}; known: {known}")
