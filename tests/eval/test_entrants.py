"""Every kind of entrant sits the exam, and what it does wrong is its own."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eval.answer import Answer, Question
from eval.cases import Case
from eval.entrants import EntrantError, Spec, entrant_of
from eval.results import Result
from eval.runner import jobs, run
from eval.scorers import COSTS, FAULTS, SHARES

SHARD = {"causes": [{"subject": {"shard_id": "shard-07"}, "step": 5, "tier": "symptom"}]}


def sits(cases: dict[str, Case], cache: Path, spec: Spec, name: str = "shard-strong") -> Result:
    (result,) = run(spec, jobs([cases[name]], [0], 1, cache, None), processes=1)
    return result


def assert_failed(result: Result) -> None:
    """Nothing that a failed answer did counts as good: neither a 0 where less is better, nor what cost no time."""
    assert not result.passed
    assert {result.scores[name] for name in SHARES} <= {0.0, None}
    assert all(result.scores[name] == 0.0 for name in ("questions", "checks", "actions", "grounded"))
    assert result.scores["failed"] == 1.0
    assert [name for name in (*FAULTS[1:], *COSTS) if result.scores[name] is not None] == []


def command(code: str) -> Spec:
    return Spec(f"command:{sys.executable} -c '{code}'", timeout=20)


def test_a_command_line_gets_the_question_and_hands_in_the_answer(cases: dict[str, Case], cache: Path) -> None:
    code = (
        'import json, sys, os; q = json.load(sys.stdin); assert os.listdir(".") == [] and q["incident"];'
        f"assert os.path.isdir(q['telemetry']); print(json.dumps({SHARD!r}))"
    ).replace("'", '"')
    result = sits(cases, cache, command(code))
    assert result.error == ""
    assert result.scores["cause_at_1"] == 1.0
    assert result.scores["parameters"] == 0.0
    assert result.scores["grounded"] is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('print("INFO starting"); print("{}")', "the answer alone, and begins with 'INFO starting'"),
        ('print("hello")', "not an answer of the protocol"),
        ('print("{\\"causes\\": 3}")', "causes"),
        ('print("{\\"cause\\": []}")', "cause: Extra inputs"),
        ('import sys; sys.exit("broken")', "exit code 1: broken"),
    ],
)
def test_what_is_no_answer_is_said_and_scored_as_none(
    cases: dict[str, Case], cache: Path, code: str, words: str
) -> None:
    result = sits(cases, cache, command(code))
    assert words in result.error
    assert_failed(result)


def test_a_command_that_hangs_or_is_not_there(cases: dict[str, Case], cache: Path) -> None:
    slow = Spec(f"command:{sys.executable} -c 'import time; time.sleep(60)'", timeout=0.5)
    assert "no answer within 0.5 s" in sits(cases, cache, slow).error
    assert "cannot start" in sits(cases, cache, Spec("command:/nowhere/agent")).error


def solver(question: dict[str, Any]) -> dict[str, Any]:
    """Asks once, then answers."""
    if not question["answers"]:
        return {"questions": ["region"]}
    return {**SHARD, "parameters": question["answers"]}


def raising(_: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("out of order")


def saying_nothing(_: dict[str, Any]) -> dict[str, Any]:
    return {}


def nagging(_: dict[str, Any]) -> dict[str, Any]:
    return {"questions": ["region"]}


def test_a_python_function_may_ask_once(cases: dict[str, Case], cache: Path) -> None:
    result = sits(cases, cache, Spec(f"python:{__name__}:solver"))
    assert result.asked == ["region"]
    assert result.scores["questions"] == 0.0  # the text names it
    assert result.scores["cause_at_1"] == 1.0
    assert result.answer and result.answer.parameters == {"region": "us-east"}


def test_what_an_entrant_raises_is_its_own(cases: dict[str, Case], cache: Path) -> None:
    assert "RuntimeError: out of order" in sits(cases, cache, Spec(f"python:{__name__}:raising")).error
    nagged = sits(cases, cache, Spec(f"python:{__name__}:nagging"))
    assert "asked again" in nagged.error
    assert_failed(nagged)


def test_no_answer_to_a_quiet_day_is_no_right_answer(cases: dict[str, Case], cache: Path) -> None:
    silent = sits(cases, cache, Spec(f"python:{__name__}:raising"), "quiet-plain")
    assert_failed(silent)
    assert silent.scores["cause_at_1"] is None  # the incident has no cause
    assert sits(cases, cache, Spec(f"python:{__name__}:saying_nothing"), "quiet-plain").scores["false_alarm"] == 0.0


@pytest.mark.parametrize("name", ["nobody", "command:", "python:json:nothing", "python:no.such:thing"])
def test_an_entrant_that_is_not_there(name: str) -> None:
    with pytest.raises(EntrantError):
        entrant_of(Spec(name))


def test_react_needs_a_model_and_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EntrantError, match="--model"):
        entrant_of(Spec("react"))
    with pytest.raises(EntrantError, match="OPENAI_API_KEY"):
        entrant_of(Spec("react", "some-model"))


ARGUMENTS = {
    "region": "us-east",
    "environment": "prod",
    "service_name": "shop.gateway",
    "start_time": "2026-03-10T12:00:00Z",
    "end_time": "2026-03-10T15:15:00Z",
}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "plugin_4_tool", "arguments": json.dumps(ARGUMENTS)}}
    ],
}


class Scripted(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that calls a tool, then concludes."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = [message for message in asked["messages"] if message["role"] == "tool"]
        rows = "shard-07" in told[0]["content"] if told else False
        text = json.dumps({**SHARD, "prose": "shard-07 fails 77.77 %"} if rows else {})
        message = {"role": "assistant", "content": f"```json\n{text}\n```"} if told else CALL
        choice = {"index": 0, "message": message, "finish_reason": "stop" if told else "tool_calls"}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        body = json.dumps(
            {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_react_agent_over_the_same_tools(cases: dict[str, Case], cache: Path, endpoint: str) -> None:
    result = sits(cases, cache, Spec("react", "scripted", endpoint))
    assert result.error == ""
    assert result.scores["cause_at_1"] == 1.0
    assert (result.scores["model_calls"], result.scores["tokens"]) == (2.0, 220.0)
    assert result.ungrounded == ["77.77"]


def test_answers_have_a_version_and_defaults() -> None:
    assert Answer().protocol == 1
    assert set(Question.model_json_schema()["required"]) == {"incident", "telemetry", "now"}
