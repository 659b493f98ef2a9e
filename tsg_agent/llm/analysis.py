"""Step 9 seen twice: code that a model writes, run in the sandbox beside the shipped analysis, which decides."""

import re
from typing import TYPE_CHECKING, Any

from tsg_agent.errors import ModelError
from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.prompts import render
from tsg_agent.llm.protocol import Message
from tsg_agent.models import Finding, Status
from tsg_agent.sandbox import SandboxUnavailable
from tsg_agent.sandbox import Status as Ended
from tsg_agent.settings import WorkflowThresholds
from tsg_agent.wording import count, listed, name, one_line, some

if TYPE_CHECKING:
    import pandas as pd

    from tsg_agent.tools.code_interpreter import CodeInterpreter

NODE = "analyse"
ATTEMPTS = 3
COMPARED = ("total_runs", "completed_runs", "failed_runs")
FRAME = "plugin_8"
_BLOCK = re.compile(r"```(?:python|py)?\s*\n(.*?)```", re.DOTALL)


def second_look(finding: Finding, frame: "pd.DataFrame", limits: WorkflowThresholds, assistant: Assistant) -> list[str]:
    """What a model's own analysis of the workflow rows says beside the finding, in notes. The finding stands."""
    from tsg_agent.tools.code_interpreter import CodeInterpreter, MappingStore  # noqa: PLC0415 - only with a model

    if finding.status is not Status.OK or not finding.rows:
        return []
    shown = _columns(frame)
    messages = render("analyse", columns=shown, completed=limits.completed, running=limits.running)
    interpreter = CodeInterpreter(MappingStore({FRAME: frame}))
    try:
        value, trouble = _attempts(messages, interpreter, assistant)
    except ModelError as error:
        return [f"The model wrote no analysis of the workflows ({error.kind}); the shipped one stands."]
    except SandboxUnavailable as error:
        return [f"The model's analysis was not run: {error} The shipped one stands."]
    finally:
        interpreter.close()
    if value is None:
        return [f"The model's analysis failed {ATTEMPTS} times (last: {trouble}); the shipped one stands."]
    return _compared(value, finding)


def _attempts(
    messages: list[Message], interpreter: "CodeInterpreter", assistant: Assistant
) -> tuple[dict[str, Any] | None, str]:
    """The code's result; each error goes back to its writer. (None, the last error) after the last attempt."""
    trouble = ""
    for _ in range(ATTEMPTS):
        text = assistant.text(NODE, messages)
        block = _BLOCK.search(text)
        result = interpreter.run(block[1] if block else text, [FRAME])
        if result.status is Ended.OK and isinstance(result.value, dict):
            return dict(result.value), ""
        said = interpreter.content(result, [FRAME]) if result.error else "`result` is no dict."
        trouble = one_line(result.error.type if result.error else said, 120)
        messages = [*messages[:2], Message("assistant", text[:4000]), Message("user", f"That failed:\n{said[:2000]}")]
    return None, trouble


def _columns(frame: "pd.DataFrame") -> str:
    lines = []
    for column in frame.columns:
        values = [str(value)[:40] for value in frame[column].dropna().unique()[:6]]
        people = column in ("user_id", "correlation_id", "workflow_id")
        lines.append(f"{column} ({frame[column].dtype}): {'ids' if people else ', '.join(values)}")
    return "\n".join([f"{len(frame)} rows", *lines])


def _compared(value: dict[str, Any], finding: Finding) -> list[str]:
    """Where the two differ. Rows of one scenario at several criticalities are added up."""
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
            if not isinstance(theirs, int | float) or int(theirs) != figures[key]:
                shown = count(theirs) if isinstance(theirs, int | float) else "nothing"
                different.append(f"{name(scenario)} {key} {shown} against {count(figures[key])}")
    total = len(shipped) * len(COMPARED)
    if not different:
        return [f"A model's own analysis of the workflows agrees in all {some(total, 'figure')} [{finding.id}]."]
    return [
        f"A model's own analysis of the workflows differs in {len(different)} of {some(total, 'figure')}; "
        f"the shipped one stands: {listed(different, 4)} [{finding.id}]."
    ]
