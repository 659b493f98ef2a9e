"""Questions with a scripted model over HTTP: tools, limits, the check of the answer, faults."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.llm.server import Endpoint, Fail, Say, Script, each, serving
from tsg_agent import Report, Request, Settings
from tsg_agent.ask import Answer, Conversation
from tsg_agent.ask.citable import CitableRows
from tsg_agent.ask.tools import guide_text
from tsg_agent.llm.grounding import check
from tsg_agent.models import Gap
from tsg_agent.settings import ModelSettings
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 3, 11, tzinfo=UTC)
KEY = "sk-verysecretkey0123456789"
WINDOW = {
    "start_time": "2026-03-10T12:00:00Z", "end_time": "2026-03-10T16:00:00Z", "region": "us-east",
    "environment": "prod", "service_name": "shop.gateway",
}  # fmt: skip


def settings(endpoint: Endpoint, **changes: Any) -> Settings:
    values = {"name": "scripted", "base_url": endpoint.url, "api_key": KEY, "timeout": 5, "retries": 0}
    return Settings(model=ModelSettings.model_validate(values | changes))


def asked(
    engine: Engine, script: Script, question: str = "which version fails?", **changes: Any
) -> tuple[Answer, Endpoint]:
    incident = str(changes.pop("incident", ""))
    with serving(script) as endpoint:
        talk = Conversation(engine, settings(endpoint, **changes), incident=incident, now=NOW)
        return talk.ask(question), endpoint


def tool_results(request: dict[str, Any]) -> list[str]:
    return [message["content"] for message in request["messages"] if message["role"] == "tool"]


def calls(name: str, **arguments: Any) -> Say:
    return Say(calls=((name, arguments),))


def test_an_answer_rests_on_a_check(engine: Engine) -> None:
    answer, endpoint = asked(engine, each(calls("plugin_1_tool", **WINDOW), Say("Version 3.15.0 regressed [E2.1].")))
    assert answer.text == "Version 3.15.0 regressed [E2.1]."
    assert answer.mode == "scripted"
    assert answer.checks == ["plugin_1_tool"]
    assert "service_version = 3.15.0" in answer.evidence["E2.1"]
    assert "E2.1" in tool_results(endpoint.requests[1])[0]
    assert answer.usage.calls == 2
    assert answer.usage.input_tokens == 200


def test_a_query_and_code_over_its_rows(engine: Engine) -> None:
    sql = "SELECT region, count(*) AS requests FROM api_gateway_logs GROUP BY region ORDER BY 2 DESC"
    first: dict[str, Any] = {}

    def script(request: dict[str, Any]) -> Say:
        results = tool_results(request)
        if not results:
            return calls("query_telemetry", sql=sql)
        first["row"] = results[0].split("[Q1.1] ")[1].splitlines()[0]
        region, requests = (part.split(" = ")[1] for part in first["row"].split(", "))
        return Say(f"Most requests, {requests}, were in {region} [Q1.1].")

    answer, _ = asked(engine, script)
    assert answer.text.startswith("Most requests")
    assert answer.evidence["Q1.1"] == first["row"]


def test_the_whole_guide_is_a_tool(engine: Engine, incident: Request) -> None:
    script = each(
        calls("run_guide"), Say("Version 3.15.0 is the confirmed cause [C1]. Roll back 3.15.0 to 3.14.2 [A1].")
    )
    answer, _ = asked(engine, script, "why is it failing?", incident=incident.text)
    assert answer.sentences_dropped == 0
    assert answer.report is not None
    assert answer.report.usage.mode == "rules only"


def test_the_guides_result_says_causes_first_and_what_was_not_checked(by_rules: Report) -> None:
    gap = Gap(step=1, status="unknown_start", statement="When the incident began is not known: 2 checks lean on it.")
    again = Gap(step=9, status="no_data", statement="x" * 900)
    report = by_rules.model_copy(update={"gaps": [gap, again]})
    lines = guide_text(report).splitlines()
    assert lines[0] == report.headline
    assert lines[1].startswith("[C1] ")
    assert any(line.startswith("[N1] not checked: When the incident began is not known") for line in lines)
    assert all(line.endswith((".", "…", ")", "]")) or "threshold" in line or "%" in line for line in lines[1:]), lines
    ledger = CitableRows()
    ledger.investigated(report)
    assert check("When the incident began is not known [N1].", ledger.evidence()) == []
    assert check("3 checks lean on it [N1].", ledger.evidence()) != []


def test_a_query_says_how_many_of_its_rows_are_shown(engine: Engine) -> None:
    sql = "SELECT request_id, count(*) AS n FROM api_gateway_logs GROUP BY 1 LIMIT 36"
    _, endpoint = asked(engine, each(calls("query_telemetry", sql=sql), Say("There are 36 rows [Q1].")))
    assert "(20 of 36 rows shown; all 36 kept as q1)" in tool_results(endpoint.requests[1])[0]


def test_the_tables_columns_come_with_their_types(engine: Engine) -> None:
    _, endpoint = asked(engine, each(calls("describe_telemetry"), Say("It is told [K1].")))
    told = tool_results(endpoint.requests[1])[0]
    assert "timestamp TIMESTAMP" in told
    assert "status_code BIGINT" in told


def test_a_false_sentence_is_sent_back_once_and_then_left_out(engine: Engine) -> None:
    script = each(
        calls("plugin_1_tool", **WINDOW),
        Say("Version 3.15.0 regressed [E2.1]. Redis lost 87 % of its nodes [E2.1]. Restart everything [E2.1]."),
    )
    answer, endpoint = asked(engine, script)
    assert answer.text == "Version 3.15.0 regressed [E2.1]."
    assert answer.sentences_dropped == 2
    assert "did not pass" in endpoint.requests[-1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (each(Fail(401, message=f"bad key {KEY}")), "unauthorised"),
        (each(Fail(500)), "answered 500"),
        (each(Fail(cut=True)), "unreachable"),
        (each(Say("")), "empty"),
        (each(Say("All is well, trust me.")), "not grounded"),
        (each(Say("It is Redis with 99 % [E2.1].")), "not grounded"),
        (each(calls("plugin_1_tool", **WINDOW)), "over budget"),
    ],
    ids=["401", "500", "cut", "empty", "uncited", "liar", "endless"],
)
def test_a_model_that_fails_leaves_it_to_the_rules(
    engine: Engine, incident: Request, script: Script, kind: str
) -> None:
    answer, endpoint = asked(engine, script, incident=incident.text, maximum_calls=6)
    assert answer.notes[0].startswith(f"The model gave no answer ({kind})")
    assert "3.15.0" in answer.text
    assert answer.mode == "rules only: scripted gave no answer"
    assert len(endpoint.requests) <= 6
    assert KEY not in answer.model_dump_json()


def test_a_fool_is_told_no_by_the_tools(engine: Engine) -> None:
    bad = Say(
        calls=(
            ("query_telemetry", {"sql": "COPY api_gateway_logs TO 'elsewhere'"}),
            ("query_telemetry", {"sql": "SELECT * FROM read_text('/etc/passwd')"}),
            ("drop_tables", {}),
            ("plugin_1_tool", {**WINDOW, "region": "mars"}),
            ("run_guide", {"region": "mars"}),
        )
    )
    answer, endpoint = asked(engine, each(bad, Say("Done [E2.1].")))
    results = tool_results(endpoint.requests[1])
    assert len(results) == 5
    assert all("rror" in result for result in results)
    assert "gave no answer" in answer.notes[0]


def test_people_do_not_reach_the_model_and_come_back_into_tool_calls(engine: Engine) -> None:
    def script(request: dict[str, Any]) -> Say:
        if not tool_results(request):
            return calls("query_telemetry", sql="SELECT count(*) AS n FROM api_gateway_logs WHERE user_id = 'USER_1'")
        return Say("There are 0 such requests [Q1.1].")

    answer, endpoint = asked(engine, script, "what did user_48213 at 10.1.2.3 do?")
    said = json.dumps(endpoint.requests)
    assert "48213" not in said
    assert "10.1.2.3" not in said
    assert answer.text == "There are 0 such requests [Q1.1]."
