"""Where a model's code runs: started while the model reads, ended with the run, unsafe only by an operator."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.llm import personas
from tests.llm.server import Say, Script, serving
from tsg_agent import Report, Request, Settings, investigate
from tsg_agent.ask import Conversation
from tsg_agent.llm.analysis import UNISOLATED
from tsg_agent.settings import ModelSettings, SandboxSettings
from tsg_agent.telemetry.engine import Engine

SAFE = SandboxSettings()
UNSAFE = SandboxSettings(unsafe_no_isolation=True)


def settings(url: str, sandbox: SandboxSettings = SAFE) -> Settings:
    return Settings(model=ModelSettings(name="scripted", base_url=url, timeout=20), sandbox=sandbox)


def told(incident: Request, engine: Engine, script: Script, sandbox: SandboxSettings = SAFE) -> Report:
    with serving(script) as endpoint:
        return investigate(incident, settings=settings(endpoint.url, sandbox), engine=engine)


def zygotes() -> set[int]:
    """Sandboxes that are children of this process now."""
    found = set()
    for children in Path("/proc/self/task").glob("*/children"):
        for pid in children.read_text().split():
            with contextlib.suppress(FileNotFoundError):  # it ended while we looked
                if b"safe" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    found.add(int(pid))
    return found


def test_the_sandbox_starts_while_the_model_reads_and_ends_with_the_run(incident: Request, engine: Engine) -> None:
    before, seen = zygotes(), dict[str, set[int]]()

    def script(request: dict[str, Any]) -> Say:
        seen[personas.task(request)] = zygotes() - before
        return personas.honest(request)

    report = told(incident, engine, script)
    assert len(seen["extract"]) == 1
    assert seen["analyse"] == seen["extract"]
    assert any("own analysis of the workflows agrees" in note for note in report.notes)
    assert UNISOLATED not in report.notes
    assert zygotes() == before


def test_figures_of_a_models_code_that_are_no_numbers_differ(incident: Request, engine: Engine) -> None:
    code = "odd = [float('nan'), float('inf'), 'x']\n"
    code += "keys = ['total_runs', 'completed_runs', 'failed_runs']\n"
    code += "result = {name: dict(zip(keys, odd)) for name in plugin_8['scenario_name'].unique()}"

    def script(request: dict[str, Any]) -> Say:
        return Say(f"```python\n{code}\n```") if personas.task(request) == "analyse" else personas.honest(request)

    (note,) = [note for note in told(incident, engine, script).notes if "own analysis" in note]
    assert "differs in" in note
    assert "total_runs nothing against" in note


def test_where_there_is_no_sandbox_the_report_says_so(
    incident: Request, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    report = told(incident, engine, personas.honest)
    assert any(note.startswith("The model's analysis was not run:") and "platform" in note for note in report.notes)
    assert report.causes


def test_an_operators_unsafe_mode_is_said_in_the_report(incident: Request, engine: Engine) -> None:
    report = told(incident, engine, personas.honest, UNSAFE)
    assert UNISOLATED in report.notes


@pytest.mark.parametrize(("sandbox", "noted"), [(UNSAFE, [UNISOLATED]), (SAFE, [])])
def test_an_operators_unsafe_mode_is_said_in_an_answer(
    engine: Engine, sandbox: SandboxSettings, noted: list[str]
) -> None:
    def script(request: dict[str, Any]) -> Say:
        results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
        if not results:
            return Say(calls=(("code_interpreter_tool", {"code": "open('/etc/hostname').readable(), 6 * 7"}),))
        opened = "True, 42" in results[0]
        assert opened is bool(noted)
        return Say("It is 42 [K1].") if opened else Say("Nothing was read [K1].")

    with serving(script) as endpoint:
        answer = Conversation(engine, settings(endpoint.url, sandbox)).ask("what is six times seven?")
    assert answer.mode == "scripted"
    assert answer.notes == noted
