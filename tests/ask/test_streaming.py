"""An answer while it is written: drafts, streams that break off, Ctrl-C, and what is left on the terminal."""

import io
import itertools
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.ask.test_agent import NOW, WINDOW, calls, settings, tool_results
from tests.llm.server import Endpoint, Fail, Say, Script, each, serving
from tsg_agent import Request
from tsg_agent.ask import Answer, Conversation
from tsg_agent.ask.listening import Listener
from tsg_agent.cli.drafts import HEADING, Screen
from tsg_agent.telemetry.engine import Engine

TRUE = "Version 3.15.0 regressed [E2.1]."
FALSE = "Redis lost 87 % of its nodes [E2.1]."
CHECK = calls("plugin_1_tool", **WINDOW)


class Heard(Listener):
    """Keeps what it is told."""

    drafts = True

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.steps: list[str] = []

    def draft(self, text: str) -> None:
        self.texts.append(text)

    def doing(self, what: str) -> None:
        self.steps.append(what)


def heard(
    engine: Engine, script: Script, incident: str = "", listener: Listener | None = None, **changes: Any
) -> tuple[Answer, Any, Endpoint]:
    listener = listener or Heard()
    with serving(script) as endpoint:
        talk = Conversation(engine, settings(endpoint, longest_wait=0.01, **changes), incident=incident, now=NOW)
        return talk.ask("which version fails?", listener), listener, endpoint


def test_words_are_heard_as_they_are_written_and_taken_back_at_the_end(engine: Engine) -> None:
    answer, listener, endpoint = heard(engine, each(CHECK, Say(TRUE)))
    assert answer.text == TRUE
    assert {"Version", "Version 3.15.0", "Version 3.15.0 regressed", TRUE} <= set(listener.texts)
    assert listener.texts[-1] == ""
    assert listener.steps == ["plugin_1_tool"]
    assert all(request["stream"] for request in endpoint.requests)
    assert answer.usage.input_tokens == 200


def test_nobody_who_does_not_want_drafts_gets_a_stream(engine: Engine) -> None:
    quiet = Heard()
    quiet.drafts = False
    _, listener, endpoint = heard(engine, each(CHECK, Say(TRUE)), listener=quiet)
    assert not any(request.get("stream") for request in endpoint.requests)
    assert set(listener.texts) <= {""}


def test_what_a_draft_said_and_the_evidence_does_not_is_left_out_and_said(engine: Engine) -> None:
    answer, listener, _ = heard(engine, each(CHECK, Say(f"{TRUE} {FALSE}")))
    assert f"{TRUE} {FALSE}" in listener.texts
    assert answer.text == TRUE
    assert "1 left out: the name 'Redis' is not in E2.1" in answer.notes[0]
    assert any("did not pass the check" in step for step in listener.steps)


def test_people_are_themselves_again_in_a_draft(engine: Engine, incident: Request) -> None:
    def script(request: dict[str, Any]) -> Say:
        return Say("It was USER_1, who called often.") if tool_results(request) else CHECK

    _, listener, endpoint = heard(engine, script, f"{incident.text} user_48213 called")
    assert "48213" not in endpoint.said()
    assert "It was user_48213, who called often." in listener.texts


@pytest.mark.parametrize("fault", ["cut", "broken", "error"])
def test_a_stream_that_breaks_off_is_asked_for_again(engine: Engine, fault: str) -> None:
    broken = Say("Version 3.15.0 is to blame for", finish=fault)
    answer, listener, endpoint = heard(engine, each(CHECK, broken, Say(TRUE)), retries=1)
    assert answer.text == TRUE
    assert answer.notes == []
    assert answer.usage.calls == len(endpoint.requests) == 3
    told = [text for text, _ in itertools.groupby(listener.texts)]
    begun = told.index("Version 3.15.0 is to blame for")
    assert told[begun + 1 : begun + 3] == ["", "Version"]
    assert any(step.startswith("the model is asked again") for step in listener.steps)


@pytest.mark.parametrize("fault", ["cut", "broken", "error"])
def test_one_that_breaks_off_each_time_leaves_it_to_the_rules(engine: Engine, incident: Request, fault: str) -> None:
    broken = Say(f"{TRUE} And then", finish=fault)
    answer, listener, endpoint = heard(engine, each(CHECK, broken), incident.text, retries=1)
    assert len(endpoint.requests) == 3
    assert answer.notes[0].startswith("The model gave no answer (")
    assert "the rules' own" in answer.notes[0]
    assert "And then" not in answer.text
    assert "Version 3.15.0: " in answer.text
    assert listener.texts[-1] == ""


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Say("half an", finish="length"), "cut off"), (Say("x", finish="content_filter"), "refused"), (Say(""), "empty")],
    ids=["length", "filter", "empty"],
)
@pytest.mark.parametrize("drafts", [True, False])
def test_an_answer_that_is_not_whole_is_no_answer(
    engine: Engine, incident: Request, fault: Say, kind: str, drafts: bool
) -> None:
    listener = Heard()
    listener.drafts = drafts
    answer, _, _ = heard(engine, each(fault), incident.text, listener)
    assert answer.notes[0].startswith(f"The model gave no answer ({kind})")


def test_every_try_of_a_question_is_counted(engine: Engine, incident: Request) -> None:
    answer, _, endpoint = heard(engine, each(Fail(500)), incident.text, retries=2)
    assert answer.usage.calls == len(endpoint.requests) == 3


def test_tools_called_together_are_numbered_in_the_order_of_their_calls(engine: Engine) -> None:
    both = Say(
        calls=(
            ("query_telemetry", {"sql": "SELECT count(DISTINCT a.request_id) AS slow FROM api_gateway_logs a "
                                        "JOIN api_gateway_logs b ON a.region = b.region WHERE b.status_code = 500"}),
            ("query_telemetry", {"sql": "SELECT 1 AS quick FROM api_gateway_logs LIMIT 1"}),
        )
    )  # fmt: skip
    _, _, endpoint = heard(engine, each(both, Say("One [Q2.1].")))
    slow, quick = tool_results(endpoint.requests[1])
    assert "[Q1.1] slow" in slow
    assert "[Q2.1] quick" in quick


def test_a_draft_longer_than_the_terminal_shows_its_end_and_is_taken_away() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=40, height=10)
    with Screen(console=console) as screen:
        screen.draft("\n".join(f"line {n} \x1b[31m[bold]" for n in range(50)))
        shown = out.getvalue()
    assert HEADING in shown
    assert "line 49 " in shown
    assert "line 30 " not in shown
    assert "\x1b[31m" not in shown
    assert out.getvalue().endswith("\x1b[2K")


class Terminal:
    """A chat whose input and standard error are a terminal, and whose standard output is a file."""

    def __init__(self, incident: Request, endpoint: Endpoint, folder: Path) -> None:
        (folder / "incident.md").write_text(incident.text, "utf-8")
        self.master, slave = pty.openpty()
        self.out, self.seen, self._at = folder / "out.txt", "", 0
        model = {"TSG_MODEL__NAME": "scripted", "TSG_MODEL__BASE_URL": endpoint.url, "TSG_MODEL__TIMEOUT": "30"}
        command = [sys.executable, "-m", "tsg_agent", "chat", "-t", incident.telemetry]
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "--incident", str(folder / "incident.md")],
                stdin=slave,
                stderr=slave,
                stdout=out,
                env={**os.environ, **model, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"},
                cwd=folder,
            )
        os.close(slave)

    def until(self, text: str, seconds: float = 60) -> None:
        """Read until the terminal shows a text, new since the last."""
        end = time.monotonic() + seconds
        while text not in self.seen[self._at :]:
            assert time.monotonic() < end, f"no {text!r} in {self.seen[self._at :]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        self._at = self.seen.index(text, self._at) + len(text)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())


@contextmanager
def chatting(incident: Request, script: Script, folder: Path) -> Iterator[Terminal]:
    with serving(script) as endpoint:
        terminal = Terminal(incident, endpoint, folder)
        try:
            yield terminal
        finally:
            terminal.process.kill()
            terminal.process.wait()
            os.close(terminal.master)


@pytest.mark.slow
def test_on_a_terminal_a_draft_is_seen_and_only_the_checked_answer_stays(incident: Request, tmp_path: Path) -> None:
    def script(request: dict[str, Any]) -> Say:
        slowly = "endless" in request["messages"][1]["content"].rpartition("The question:")[2]
        text = f"{TRUE} {FALSE}"
        return Say(text, pause=5.0 if slowly else 0.02) if tool_results(request) else CHECK

    with chatting(incident, script, tmp_path) as terminal:
        terminal.until("> ")
        terminal.type("endless?\n")
        terminal.until("Version")  # the first words are there
        began = time.monotonic()
        terminal.process.send_signal(signal.SIGINT)  # as a terminal does for Ctrl-C
        terminal.until("(stopped)", 30)
        terminal.until("> ", 30)
        assert time.monotonic() - began < 50
        assert terminal.out.read_text("utf-8") == ""
        terminal.type("which version fails?\n")
        terminal.until("Redis")
        terminal.until("> ")
        terminal.type("/quit\n")
        assert terminal.process.wait(20) == 0
        out = terminal.out.read_text("utf-8")
    assert "… plugin_1_tool" in terminal.seen
    assert HEADING in terminal.seen
    assert out.startswith(TRUE)
    assert "1 left out: the name 'Redis' is not in E2.1" in out
    assert "lost 87 %" not in out
