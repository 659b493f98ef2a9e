"""A question ends with its deadline too, however the model's bytes come."""

from typing import Any

import pytest

from tests.ask.test_agent import NOW, settings
from tests.ask.test_streaming import Heard
from tests.llm.server import Endpoint
from tests.llm.test_deadline import DRIPS, POURS, Speaker, drips, model_threads, speaking, unknown_names, until_gone
from tsg_agent import Request
from tsg_agent.ask import Answer, Conversation
from tsg_agent.telemetry.engine import Engine

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
STREAMS = {
    "comments": EVENTS + b"\r\n" + b": still here\n\n" * 1000,
    "an event": EVENTS + b"\r\ndata: " + b" " * 10_000,
    "events of no words": EVENTS + b"\r\n" + b'data: {"choices": []}\n\n' * 1000,
}


def asked(engine: Engine, incident: Request, url: str, *, draft: bool = False, **changes: Any) -> Answer:
    talk = Conversation(engine, settings(Endpoint(url), **changes), incident=incident.text, now=NOW)
    listener = Heard()
    listener.drafts = draft
    return talk.ask("which version fails?", listener)


CASES = [*((data, False) for data in DRIPS.values()), *((data, True) for data in STREAMS.values())]


@pytest.mark.parametrize(("data", "draft"), CASES, ids=[*DRIPS, *STREAMS])
def test_a_turn_ends_however_its_bytes_come(data: bytes, draft: bool, engine: Engine, incident: Request) -> None:
    with speaking(drips(data)) as (url, speakers):
        answer = asked(engine, incident, url, draft=draft, timeout=0.4)
        assert until_gone(speakers)  # it was hung up on, if it was reached in time
    assert answer.notes[0].startswith("The model gave no answer (timeout)")
    assert "3.15.0" in answer.text


@pytest.mark.parametrize("speak", POURS.values(), ids=POURS)
def test_a_turn_that_is_none_is_not_read_to_its_end(speak: Speaker, engine: Engine, incident: Request) -> None:
    with speaking(speak) as (url, _):
        answer = asked(engine, incident, url, timeout=60)
    assert answer.notes[0].startswith("The model gave no answer (too much)")


def test_a_question_ends_though_the_endpoints_name_is_not_known_yet(
    engine: Engine, incident: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = unknown_names(monkeypatch)
    answer = asked(engine, incident, "http://model.example/v1", timeout=0.4)
    waiting = model_threads()
    known.set()
    assert waiting  # the name was still looked up
    assert answer.notes[0].startswith("The model gave no answer (timeout)")
