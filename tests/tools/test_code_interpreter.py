"""The tool as a model and as an embedder meet it."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool
from pydantic import ValidationError

if sys.platform != "linux":
    pytest.skip("the sandbox is for Linux", allow_module_level=True)

from tests.sandbox.world import skipped_without_a_sandbox
from tsg_agent.sandbox import Limits, Result, RunStatus, SandboxUnavailable
from tsg_agent.tools.code_interpreter import CONTENT_CHARACTERS, CodeInterpreter, as_text, code_interpreter, tool_of


class Store:
    """Counts how often a frame is fetched and can be changed under the tool."""

    def __init__(self) -> None:
        self.frames = {
            "plugin_8": pd.DataFrame({"workflow": ["pay", "ship", "pay"], "failure_rate": [12.5, 0.0, 7.5]}),
            "plugin_9": pd.DataFrame({"error": ["timeout"], "n": [3]}),
        }

    def names(self) -> Sequence[str]:
        return list(self.frames)

    def get(self, name: str) -> pd.DataFrame:
        return self.frames[name]


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.fixture(scope="module")
def interpreter(store: Store) -> Iterator[CodeInterpreter]:
    made = CodeInterpreter(store)
    with skipped_without_a_sandbox():
        made.run("")
    yield made
    made.close()


@pytest.fixture(scope="module")
def tool(interpreter: CodeInterpreter) -> StructuredTool:
    return tool_of(interpreter)


def call(tool: StructuredTool, **arguments: Any) -> ToolMessage:
    message = tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments})
    assert isinstance(message, ToolMessage)
    assert isinstance(message.content, str)
    assert len(message.content) <= CONTENT_CHARACTERS + 100
    return message


def test_the_last_expression_comes_back_as_text_and_as_data(tool: StructuredTool) -> None:
    message = call(tool, code="print('hello')\nplugin_8.groupby('workflow').failure_rate.mean()", frames=["plugin_8"])
    assert message.content == "hello\nworkflow  failure_rate\npay       10\nship      0"
    artifact = message.artifact
    assert json.loads(json.dumps(artifact)) == artifact
    assert artifact["status"] == RunStatus.OK
    assert "seccomp" in artifact["isolation"]
    (rates,) = (column for column in artifact["tables"][0]["columns"] if column["name"] == "failure_rate")
    assert rates["cells"] == [10.0, 0.0]


def test_result_and_a_few_tables(tool: StructuredTool) -> None:
    code = "result = {'worst': plugin_8.nlargest(1, 'failure_rate'), 'mean': plugin_8.failure_rate.mean(), 'n': 3}"
    content = call(tool, code=code).content
    assert content == "{worst: <table of 1 rows>, mean: 6.66667, n: 3}\nworst:\nworkflow  failure_rate\npay       12.5"
    assert "1 more tables" in call(tool, code="[plugin_8] * 4").content


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\nplugin_8['nope']", ["KeyError in line 2", "    plugin_8['nope']", "plugin_8: workflow, failure_rate"]),
        ("plugin_8.nope", ["AttributeError in line 1", "workflow, failure_rate"]),
        ("nope + 1", ["NameError in line 1", "plugin_8, plugin_9, pd, np", "afresh"]),
        ("import requests", ["ModuleNotFoundError in line 1", "only pandas"]),
        ("open('/etc/passwd')", ["Error in line 1", "files, network"]),
        ("x = (1,\ny = 2", ["SyntaxError in line 1"]),
        ("bytearray(1 << 40)", ["MemoryError in line 1", "fewer"]),
        ("import os\nos._exit(3)", ["Ended", "do not end the process"]),
        ("pd.Timestamp('2025-01-01', tz='UTC') < pd.Timestamp('2025-01-01')", ["TypeError in line 1", "tz='UTC'"]),
    ],
)
def test_an_error_has_its_line_and_a_hint(code: str, expected: list[str], tool: StructuredTool) -> None:
    message = call(tool, code=code)
    for part in expected:
        assert part in message.content
    assert message.artifact["error"] is not None


def test_an_unknown_name_is_told_with_the_known_ones(tool: StructuredTool) -> None:
    message = call(tool, code="1", frames=["plugin_8", "plugin_77"])
    assert "plugin_77" in message.content
    assert "plugin_8, plugin_9" in message.content
    assert (message.artifact["status"], message.artifact["isolation"]) == (RunStatus.ERROR, "not run")


def test_only_the_named_frames_are_there(tool: StructuredTool) -> None:
    assert "NameError" in call(tool, code="plugin_9", frames=["plugin_8"]).content
    assert call(tool, code="len(plugin_9)").content == "1"


def test_a_frame_that_changed_in_the_store_is_carried_in_again(tool: StructuredTool, store: Store) -> None:
    assert call(tool, code="len(plugin_9)").content == "1"
    before = store.frames["plugin_9"]
    store.frames["plugin_9"] = pd.concat([before, before])
    assert call(tool, code="len(plugin_9)").content == "2"
    call(tool, code="plugin_9.drop(plugin_9.index, inplace=True)")
    assert call(tool, code="len(plugin_9)").content == "2"


def test_content_stays_short(tool: StructuredTool) -> None:
    assert "left out" in call(tool, code="print('x' * 15_000)").content
    assert "999990 more rows" in call(tool, code="pd.DataFrame({'n': range(1_000_000)})").content
    assert call(tool, code="{str(n): 'y' * 100 for n in range(400)}").artifact["status"] == RunStatus.OK
    assert call(tool, code="").content == "(the code printed nothing and has no value)"


def test_the_arguments_are_typed(tool: StructuredTool) -> None:
    schema = tool.args
    assert set(schema) == {"code", "frames"}
    assert all(field["description"] for field in schema.values())
    with pytest.raises(ValidationError):
        tool.invoke({"code": "1", "unsafe_no_isolation": True})
    with pytest.raises(ValidationError):
        tool.invoke({"code": 1, "frames": "plugin_8"})


def test_the_factory_reopens_a_session_whose_process_died() -> None:
    frames = {"rows": pd.DataFrame({"a": [1, 2]})}
    interpreter = CodeInterpreter(Store())
    interpreter.close()
    assert interpreter.run("len(plugin_8)").value == 3
    interpreter.close()
    tool = code_interpreter(frames, limits=Limits(seconds=0.5))
    assert call(tool, code="rows.a.sum()").content == "3"
    message = call(tool, code="while True: pass")
    assert "0.5 s" in message.content
    assert "instead of loops" in message.content


def test_it_works_in_an_event_loop(tool: StructuredTool) -> None:
    arguments = {"code": "len(plugin_8)"}
    message = asyncio.run(tool.ainvoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}))
    assert message.content == "3"


def test_an_operators_unsafe_mode_is_said_in_text_and_data() -> None:
    tool = code_interpreter({"rows": pd.DataFrame({"a": [1]})}, unsafe_no_isolation=True)
    message = call(tool, code="len(rows)")
    assert message.content == "[run without isolation]\n1"
    assert message.artifact["isolation"] == "none"


def test_where_code_cannot_be_isolated_the_tool_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="platform"):
        code_interpreter({})


def test_values_in_words() -> None:
    assert as_text(Result(RunStatus.OK, value=[1.0, None, {"a": float("nan")}], isolation="x")) == "[1, None, {a: nan}]"
    assert as_text(Result(RunStatus.OK, value="", isolation="x")).startswith("(the code printed nothing")
