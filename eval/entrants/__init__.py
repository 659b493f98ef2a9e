"""Who sits the exam. An entrant is a function from a Question to an Answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from eval.answer import Answer, Question

Entrant: TypeAlias = Callable[[Question], Answer]


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

    @property
    def label(self) -> str:
        """How results are filed."""
        return f"{self.name} {self.model}" if self.model else self.name


def entrant_of(spec: Spec) -> Entrant:
    """The function behind a spec. What it needs is imported only now. Raises EntrantError."""
    kind, _, rest = spec.name.partition(":")
    if kind == "rules":
        from eval.entrants.rules import rules  # noqa: PLC0415 - seconds of imports that another entrant does not need

        return rules(spec)
    if kind == "agent":
        from eval.entrants.rules import agent  # noqa: PLC0415 - as above

        return agent(spec)
    if kind == "guide":
        from eval.entrants.guide import guide  # noqa: PLC0415 - as above

        return guide(spec)
    if kind == "react":
        from eval.entrants.react import react  # noqa: PLC0415 - as above

        return react(spec)
    if kind in ("command", "python") and rest:
        from eval.entrants import outside  # noqa: PLC0415 - as above

        return outside.command(spec, rest) if kind == "command" else outside.function(rest)
    known = "rules, agent, guide, react, command:<command line>, python:<module>:<function>"
    raise EntrantError(f"no entrant {spec.name!r}; known: {known}")
