"""The client and the assistant against a server on a real socket."""

import time

import pytest
from pydantic import BaseModel, ConfigDict

from tests.llm.server import Endpoint, Fail, Say, each, serving
from tsg_agent.errors import BudgetError, ModelError, TransientModelError
from tsg_agent.llm import Assistant, ModelMessage, OpenAIModel, Redactor
from tsg_agent.settings import ModelSettings

KEY = "sk-verysecretkey0123456789"
ASK = [ModelMessage("system", "Answer."), ModelMessage("user", "What is it?")]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    count: int | None = None


def settings(endpoint: Endpoint, **changes: object) -> ModelSettings:
    values = {"name": "scripted", "base_url": endpoint.url, "api_key": KEY, "timeout": 5, "longest_wait": 0.01}
    return ModelSettings.model_validate(values | changes)


def assistant(endpoint: Endpoint, **changes: object) -> Assistant:
    held = settings(endpoint, **changes)
    return Assistant(OpenAIModel(held), held)


def test_an_answer_and_what_it_cost() -> None:
    with serving(each(Say("It is shard_12."))) as endpoint:
        asked = assistant(endpoint, input_price=1.0, output_price=2.0)
        assert asked.text("node", ASK) == "It is shard_12."
        (node,) = asked.budget.nodes
        assert (node.node, node.calls, node.input_tokens) == ("node", 1, 100)
        assert node.cost == pytest.approx((100 + 2 * node.output_tokens) / 1e6)
        assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(each(Say("yes"))) as endpoint:
        assert assistant(endpoint, api_key=None).text("node", ASK) == "yes"


def test_the_environment_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(each(Say("yes"))) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert assistant(endpoint, base_url="", api_key=None).text("node", ASK) == "yes"
        assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "fault",
    [
        Fail(429, {"retry-after": "0"}),
        Fail(500),
        Fail(503),
        Fail(200, raw=b"<html>busy</html>"),
        Fail(cut=True),
        Say(""),
    ],
    ids=["429", "500", "503", "no JSON", "cut off", "empty"],
)
def test_a_transient_error_is_tried_again(fault: Fail | Say) -> None:
    with serving(each(fault, Say("after all"))) as endpoint:
        asked = assistant(endpoint)
        assert asked.text("node", ASK) == "after all"
        assert len(endpoint.requests) == asked.budget.nodes[0].calls == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fail(401, message=f"Incorrect API key provided: {KEY}"), "unauthorised"),
        (Fail(404), "not found"),
        (Fail(400), "answered 400"),
        (Say(None, refusal="I will not"), "refused"),
        (Say("half an ans", finish="length"), "cut off"),
        (Say("x", finish="content_filter"), "refused"),
    ],
    ids=["401", "404", "400", "refusal", "too long", "filtered"],
)
def test_any_other_error_is_not(fault: Fail | Say, kind: str) -> None:
    with serving(each(fault)) as endpoint:
        with pytest.raises(ModelError) as raised:
            assistant(endpoint).text("node", ASK)
        assert (raised.value.kind, len(endpoint.requests)) == (kind, 1)
        assert KEY not in str(raised.value)
        assert KEY not in repr(raised.value.__context__) or raised.value.__suppress_context__


def test_a_slow_model_is_not_waited_for() -> None:
    with serving(each(Fail(wait=3.0))) as endpoint:
        began = time.perf_counter()
        with pytest.raises(TransientModelError, match=r"within 0\.2 s"):
            assistant(endpoint, timeout=0.2, retries=1).text("node", ASK)
        assert time.perf_counter() - began < 5.5  # 6 s, were both waited for
        assert len(endpoint.requests) == 2


def test_nobody_there() -> None:
    with pytest.raises(TransientModelError) as raised:
        assistant(Endpoint("http://127.0.0.1:9/v1"), retries=0).text("node", ASK)
    assert raised.value.kind == "unreachable"


def test_the_server_says_how_long_to_wait() -> None:
    with serving(each(Fail(429, {"retry-after": "0.4"}), Say("now"))) as endpoint:
        began = time.perf_counter()
        assert assistant(endpoint, longest_wait=5).text("node", ASK) == "now"
        assert time.perf_counter() - began > 0.4


def test_a_structured_answer_is_asked_for_strictly() -> None:
    with serving(each(Say('{"name": "shard_12", "count": 3}'))) as endpoint:
        assert assistant(endpoint).structured("node", ASK, Shape) == Shape(name="shard_12", count=3)
        asked = endpoint.requests[0]["response_format"]["json_schema"]
        assert asked["strict"] is True
        assert asked["schema"]["required"] == ["name", "count"]
        assert asked["schema"]["additionalProperties"] is False
        assert "default" not in str(asked["schema"])


def test_an_answer_that_is_no_json_is_sent_back_once() -> None:
    with serving(each(Say("Sure! Here it is"), Say('```json\n{"name": "x"}\n```'))) as endpoint:
        assert assistant(endpoint).structured("node", ASK, Shape).name == "x"
        assert "it is not JSON" in endpoint.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize("text", ["mumble", "[" * 100_000, '{"name": "x", "count": ' + "9" * 5000 + "}"], ids=len)
def test_an_answer_that_stays_no_json_is_a_typed_error(text: str) -> None:
    with serving(each(Say(text))) as endpoint:
        with pytest.raises(ModelError) as raised:
            assistant(endpoint).structured("node", ASK, Shape)
        assert (raised.value.kind, len(endpoint.requests)) == ("not JSON", 2)


def test_an_endpoint_without_structured_output_is_asked_plainly() -> None:
    def script(request: dict[str, object]) -> Say | Fail:
        refused = Fail(400, message="unknown field: response_format")
        return refused if "response_format" in request else Say('{"name": "x"}')

    with serving(script) as endpoint:
        asked = assistant(endpoint)
        assert [asked.structured("node", ASK, Shape).name for _ in range(2)] == ["x", "x"]
        assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    "limit",
    [{"maximum_calls": 2}, {"maximum_tokens": 205}, {"maximum_cost": 0.000205, "input_price": 1, "output_price": 1}],
    ids=["calls", "tokens", "cost"],
)
def test_a_budget_ends(limit: dict[str, float]) -> None:
    with serving(each(Say("ok"))) as endpoint:
        asked = assistant(endpoint, **limit)
        with pytest.raises(BudgetError, match="used up"):
            for _ in range(4):
                asked.text("node", ASK)
        assert len(endpoint.requests) == 2


def test_seconds_are_a_budget_too() -> None:
    with serving(each(Fail(wait=0.3), Say("ok"))) as endpoint:
        asked = assistant(endpoint, maximum_seconds=0.2, retries=1)
        with pytest.raises(BudgetError, match="seconds"):
            asked.text("node", ASK)
        assert len(endpoint.requests) == 1


def test_people_and_secrets_do_not_reach_the_model_and_people_come_back() -> None:
    text = (
        "ann.lee@shop.example at 10.20.30.40 (user_48213, fe80:0:0:0:1:2:3:4) used token=abcdefgh1234 and "
        f"{KEY}; again ann.lee@shop.example"
    )
    hidden = Redactor().hide(text)
    with serving(each(Say("EMAIL_1 called from ADDRESS_1 as USER_1."))) as endpoint:
        answer = assistant(endpoint).text("node", [ModelMessage("user", text)])
        assert answer == "ann.lee@shop.example called from 10.20.30.40 as user_48213."
        for secret in ("ann.lee", "10.20.30.40", "48213", "fe80", "abcdefgh1234", KEY):
            assert secret not in endpoint.said()
            assert secret not in hidden
    assert hidden.count("EMAIL_1") == 2


def test_versions_and_times_are_not_taken_for_people() -> None:
    text = "3.15.0 since 07:00:00, 2026-03-10T12:00:00Z, shard_12, us-east, 1.2.3, users affected: 450, user segments"
    assert Redactor().hide(text) == text


def test_redaction_is_a_setting_but_secrets_never_pass() -> None:
    assert Redactor(enabled=False).hide(f"ann@shop.example {KEY}") == "ann@shop.example [secret]"


def test_the_programs_own_time_per_call_is_small() -> None:
    with serving(each(Say("ok"))) as endpoint:
        held = settings(endpoint)
        model, text = OpenAIModel(held), [ModelMessage("user", "word 10.0.0.1 ann@shop.example " * 400)]
        asked = Assistant(model, held.model_copy(update={"maximum_calls": 100, "maximum_tokens": 10**9}))
        asked.text("node", text)
        own = []
        for _ in range(5):
            began = time.perf_counter()
            asked._hidden(text)
            own.append(time.perf_counter() - began)
        assert min(own) < 0.020
