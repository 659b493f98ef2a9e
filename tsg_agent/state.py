"""The investigation's state, which is plain JSON and checkpointed, and the context of its nodes, which is not."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Annotated, Any

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from tsg_agent.frames import Frames
from tsg_agent.llm.analysis import Workbench
from tsg_agent.llm.assistant import Assistant
from tsg_agent.models import Finding, Known
from tsg_agent.models.validated import Validated
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine


def _newest(held: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings, one of each step."""
    return list({finding["step"]: finding for finding in [*held, *more]}.values())


class State(TypedDict, total=False):
    """The checkpointed state: JSON values only."""

    id: str
    text: str
    given: dict[str, Any]
    now: str
    began: float
    parameters: dict[str, Any]
    earlier: dict[str, Any]
    notes: list[str]
    findings: Annotated[list[dict[str, Any]], _newest]
    measured: dict[str, Any]
    judgement: dict[str, Any]
    sla: dict[str, Any]
    report: dict[str, Any]
    reading: dict[str, Any]
    looked: list[str]
    spent: list[dict[str, Any]]


@dataclass(frozen=True)
class Context:
    """The nodes' resources, which are not checkpointed."""

    engine: Engine
    known: Known
    settings: Settings
    executor: Executor
    frames: Frames = field(default_factory=Frames)
    assistant: Assistant | None = None
    """The language model, if any, with this investigation's budget."""
    bench: Workbench = field(default_factory=Workbench)
    """The sandbox for the model's code; closed by the context's creator."""
    told: Callable[[dict[str, Any]], None] = lambda _event: None
    """Called with the same progress events as the parent graph's stream: see docs/embedding.md."""
    validated: Validated = field(default_factory=Validated)
    """The state's findings and report as models."""

    def findings(self, state: State) -> list[Finding]:
        """The checks' findings so far."""
        return [self.validated.read(Finding, finding) for finding in state["findings"]]
