"""Questions that are kept, and asked again with no telemetry and no model."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.ask.test_agent import WINDOW, calls, tool_results
from tests.edited import edited
from tests.llm.server import Endpoint, Fail, Say, serving
from tsg_agent import Request
from tsg_agent.cli.app import app
from tsg_agent.errors import QuestionError, RecordError
from tsg_agent.extract import Given
from tsg_agent.recording import differences, kind_of, record_talk, replay, replay_talk
from tsg_agent.recording.file import INDEX, read
from tsg_agent.settings import ModelSettings, Settings

KEY = "sk-verysecretkey0123456789"
QUERY = "SELECT region, count(*) AS requests FROM api_gateway_logs GROUP BY region ORDER BY 2 DESC"


class Minded:
    """Queries first, then answers with a true and a false sentence; its second request fails once."""

    def __init__(self) -> None:
        self.failed = False

    def __call__(self, request: dict[str, Any]) -> Say | Fail:
        results = tool_results(request)
        question = request["messages"][1]["content"].rpartition("The question:")[2]
        if "why" in question:
            return Say("It is the confirmed cause [C1].") if results else calls("run_guide")
        if "code" in question:
            return self.computing(len(results))
        if not results:
            return Say(calls=(("query_telemetry", {"sql": QUERY}), ("plugin_1_tool", WINDOW)))
        if not self.failed:
            self.failed = True
            return Fail(500)
        region, requests = (part.split(" = ")[1] for part in results[0].split("[Q1.1] ")[1].splitlines()[0].split(", "))
        return Say(f"Most requests, {requests}, were in {region} [Q1.1]. Redis lost 87 % of its nodes [E2.1].")

    def computing(self, done: int) -> Say:
        if done == 0:
            return calls("query_telemetry", sql=QUERY)
        if done == 1:
            return calls("code_interpreter_tool", code="result = int(q1['requests'].sum() * 0 + 7)", frames=["q1"])
        return Say("The code printed 7 [K1].")


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Endpoint], None]:
    def use(endpoint: Endpoint) -> None:
        values = {"NAME": "scripted", "BASE_URL": endpoint.url, "API_KEY": KEY, "LONGEST_WAIT": "0.01"}
        for name, value in values.items():
            monkeypatch.setenv(f"TSG_MODEL__{name}", value)

    return use


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From here on there is no model, and no endpoint to ask."""

    def leave() -> None:
        for name in ("NAME", "BASE_URL", "API_KEY", "LONGEST_WAIT"):
            monkeypatch.delenv(f"TSG_MODEL__{name}")

    return leave


def timeless(text: str) -> str:
    text = re.sub(r'"milliseconds": [\d.e-]+', '"milliseconds": 0', text)
    return re.sub(r"\d+\.\d s\b", "0.0 s", text)


def tsg(*arguments: str) -> tuple[str, str]:
    ran = CliRunner().invoke(app, list(arguments))
    assert ran.exception is None, ran.exception
    return ran.stdout, ran.stderr


@pytest.mark.parametrize("shown", [[], ["--json"]], ids=["text", "json"])
def test_a_question_is_answered_again_byte_for_byte_but_for_times(
    incident: Request, tmp_path: Path, modelled: Any, alone: Any, shown: list[str]
) -> None:
    text = tmp_path / "incident.md"
    text.write_text(f"{incident.text}\nuser_48213 says password=hunter2hunter2", "utf-8")
    file = tmp_path / "question.tsgr"
    with serving(Minded()) as endpoint:
        modelled(endpoint)
        about = ["-t", incident.telemetry, "--incident", str(text), "--record", str(file)]
        said, aside = tsg("ask", "which region is busiest?", *about, *shown)
    assert aside == f"Recording: {file}\n"
    alone()
    again, _ = tsg("replay", str(file), *shown)
    assert timeless(again) == timeless(said)
    assert "1 left out" in again
    assert tsg("replay", str(file), "--diff")[0] == "The same answers.\n"


def test_what_is_kept_names_no_secret_no_person_and_no_place(incident: Request, tmp_path: Path, modelled: Any) -> None:
    with serving(Minded()) as endpoint:
        modelled(endpoint)
        request = incident.model_copy(update={"text": f"{incident.text}\npassword=hunter2hunter2"})
        with record_talk(request, tmp_path / "x", settings=Settings(), by_hand=True) as talk:
            talk.ask("which region is busiest? token=abcdefgh1234")
    held, _ = read(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "x") as archive:
        index = archive.read(INDEX).decode()
    assert not any(word in index for word in (KEY, "hunter2", "abcdefgh1234", endpoint.url, str(Path.home())))
    assert str(Path(incident.telemetry).parent.parent) not in index
    assert held.written_by_hand
    assert [bool(call.error) for call in held.calls] == [False, True, False, False]
    assert [call.name for call in held.calls[0].tool_calls] == ["query_telemetry", "plugin_1_tool"]


@pytest.fixture(scope="module")
def talked(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talk of three questions, the second by code, the last about the whole incident."""
    file = tmp_path_factory.mktemp("talks") / "talk.tsgr"
    with serving(Minded()) as endpoint:
        values = {"name": "scripted", "base_url": endpoint.url, "longest_wait": 0.01}
        settings = Settings(model=ModelSettings.model_validate(values))
        with record_talk(incident, file, settings=settings) as talk:
            for question in ("which region is busiest?", "what does your code print?", "why is it failing?"):
                talk.ask(question)
    return file


def test_a_talk_goes_on_in_its_replay(talked: Path) -> None:
    held, _ = read(talked)
    assert kind_of(talked) == "talk"
    assert [answer.mode for answer in held.talk] == ["scripted"] * 3
    assert held.talk[1].text == "The code printed 7 [K1]."
    assert held.talk[2].report is not None
    assert differences(talked) == []
    out, _ = tsg("replay", str(talked))
    assert out.count("\n> ") + out.startswith("> ") == 3


def test_a_changed_prompt_query_or_tool_is_a_miss(talked: Path, tmp_path: Path) -> None:
    def prompt(index: dict[str, Any]) -> None:
        index["calls"][0]["key"] = "0" * 32

    def query(index: dict[str, Any]) -> None:
        index["queries"] = [one for one in index["queries"] if "AS requests FROM" not in one["sql"]]

    with pytest.raises(RecordError, match="no result for the prompt"):
        replay_talk(edited(talked, tmp_path / "prompt", prompt))
    with pytest.raises(RecordError, match="no result for the query"):
        replay_talk(edited(talked, tmp_path / "query", query))


def test_a_changed_answer_is_told(talked: Path, tmp_path: Path) -> None:
    def change(index: dict[str, Any]) -> None:
        index["talk"][1]["text"] = "It printed 8 [K1]."

    (only,) = differences(edited(talked, tmp_path / "x", change))
    assert only.startswith("talk[1].text:")


def test_a_talk_is_no_investigation(talked: Path) -> None:
    with pytest.raises(RecordError, match="of questions"):
        replay(talked)
    refused = CliRunner().invoke(app, ["replay", str(talked), "--html", "x.html"])
    assert "no HTML report" in str(refused.exception)


def test_a_talk_by_rules_is_kept_with_the_question_that_stayed_open(incident: Request, tmp_path: Path) -> None:
    request = Request(
        text="", telemetry=incident.telemetry, given=Given(environment="prod", service_name="shop.gateway")
    )
    with record_talk(request, tmp_path / "x", settings=Settings()) as talk:
        with pytest.raises(QuestionError):
            talk.ask("which endpoints failed most?")
        talk.ask("in us-east")
    held, _ = read(tmp_path / "x")
    assert (len(held.asked), len(held.talk)) == (2, 1)
    assert differences(tmp_path / "x") == []


def test_nothing_is_kept_of_a_talk_without_an_answer(incident: Request, tmp_path: Path) -> None:
    with record_talk(incident, tmp_path / "x", settings=Settings()):
        pass
    assert not (tmp_path / "x").exists()
