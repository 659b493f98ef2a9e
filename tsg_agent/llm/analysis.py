"""A second opinion on Step 9: a model's code runs in the sandbox beside the shipped analysis, which decides."""

import contextlib
import math
import re
from typing import TYPE_CHECKING, Any, TypeGuard

from tsg_agent.errors import ModelError
from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.prompts import render
from tsg_agent.llm.protocol import ModelMessage
from tsg_agent.models import Finding, Status
from tsg_agent.sandbox import RunStatus as Ended
from tsg_agent.sandbox import SandboxUnavailable
from tsg_agent.settings import WorkflowThresholds
from tsg_agent.wording import count, listed, name, one_line, some

if TYPE_CHECKING:
    import pandas as pd

    from tsg_agent.tools.code_interpreter import CodeInterpreter

NODE = "analyse"
ATTEMPTS = 3
COMPARED = ("total_runs", "completed_runs", "failed_runs")
UNISOLATED = "A model's code ran without isolation, as the operator's setting TSG_SANDBOX__UNSAFE_NO_ISOLATION permits."
_BLOCK = re.compile(r"```(?:python|py)?\s*\n(.*?)```", re.DOTALL)


class Workbench:
    """The sandbox for model-written code in one investigation.

    It takes half a second to start: call `start` early, while other work waits, and `close` at the end.
    """

    def __init__(self, *, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self._frames: dict[str, pd.DataFrame] = {}
        self._interpreter: CodeInterpreter | None = None

    def start(self) -> None:
        """Start the sandbox in the background. If it is unavailable, `over` raises."""
        with contextlib.suppress(SandboxUnavailable):
            self._opened()

    def over(self, name: str, frame: "pd.DataFrame") -> "CodeInterpreter":
        """The interpreter with a frame loaded as `name`. Raises SandboxUnavailable."""
        self._frames[name] = frame
        return self._opened()

    def close(self) -> None:
        """End the sandbox, if it was started."""
        if self._interpreter is not None:
            self._interpreter.close()

    def _opened(self) -> "CodeInterpreter":
        from tsg_agent.tools.code_interpreter import CodeInterpreter, MappingStore  # noqa: PLC0415 - only with a model

        if self._interpreter is None:
            self._interpreter = CodeInterpreter(MappingStore(self._frames), unsafe_no_isolation=self.unsafe)
        return self._interpreter


def second_look(
    finding: Finding, frame: "pd.DataFrame", limits: WorkflowThresholds, assistant: Assistant, bench: Workbench
) -> list[str]:
    """Notes that compare a model's own analysis of the workflow rows with the finding, which stays unchanged."""
    if finding.status is not Status.OK or not finding.rows:
        return []
    shown, name = _columns(frame), f"plugin_{finding.plugin}"
    messages = render("analyse", frame=name, columns=shown, completed=limits.completed, running=limits.running)
    try:
        value, trouble = _attempts(messages, bench.over(name, frame), assistant)
    except ModelError as error:
        return [f"The model wrote no analysis of the workflows ({error.kind}); the shipped one stands."]
    except SandboxUnavailable as error:
        return [f"The model's analysis was not run: {error} The shipped one stands."]
    unsafe = [UNISOLATED] if bench.unsafe else []
    if value is None:
        return [f"The model's analysis failed {ATTEMPTS} times (last: {trouble}); the shipped one stands.", *unsafe]
    return [*_compared(value, finding), *unsafe]


def _attempts(
    messages: list[ModelMessage], interpreter: "CodeInterpreter", assistant: Assistant
) -> tuple[dict[str, Any] | None, str]:
    """The code's result; each error is sent back to the model. (None, the last error) after the last attempt."""
    trouble = ""
    for _ in range(ATTEMPTS):
        text = assistant.text(NODE, messages)
        block = _BLOCK.search(text)
        result = interpreter.run(block[1] if block else text)
        if result.status is Ended.OK and isinstance(result.value, dict):
            return dict(result.value), ""
        said = interpreter.content(result) if result.error else "`result` is no dict."
        trouble = one_line(result.error.type if result.error else said, 120)
        messages = [
            *messages[:2],
            ModelMessage("assistant", text[:4000]),
            ModelMessage("user", f"That failed:\n{said[:2000]}"),
        ]
    return None, trouble


def _columns(frame: "pd.DataFrame") -> str:
    lines = []
    for column in frame.columns:
        values = [str(value)[:40] for value in frame[column].dropna().unique()[:6]]
        people = column in ("user_id", "correlation_id", "workflow_id")
        lines.append(f"{column} ({frame[column].dtype}): {'ids' if people else ', '.join(values)}")
    return "\n".join([f"{len(frame)} rows", *lines])


def _is_number(said: Any) -> TypeGuard[int | float]:
    return isinstance(said, int | float) and math.isfinite(said)


def _compared(value: dict[str, Any], finding: Finding) -> list[str]:
    """Notes on differences. Rows of one scenario with several criticalities are summed."""
    shipped: dict[str, dict[str, int]] = {}
    for row in finding.rows:
        held = shipped.setdefault(str(row["scenario_name"]), dict.fromkeys(COMPARED, 0))
        for key in COMPARED:
            held[key] += int(row[key])
    different = []
    for scenario, figures in shipped.items():
        said = value.get(scenario)
        for key in COMPARED:
            theirs = said.get(key) if isinstance(said, dict) else None
            if not _is_number(theirs) or int(theirs) != figures[key]:
                shown = count(theirs) if _is_number(theirs) else "nothing"
                different.append(f"{name(scenario)} {key} {shown} against {count(figures[key])}")
    total = len(shipped) * len(COMPARED)
    if not different:
        return [f"A model's own analysis of the workflows agrees in all {some(total, 'figure')} [{finding.id}]."]
    return [
        f"A model's own analysis of the workflows differs in {len(different)} of {some(total, 'figure')}; "
        f"the shipped one stands: {listed(different, 4)} [{finding.id}]."
    ]
