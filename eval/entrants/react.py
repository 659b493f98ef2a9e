"""Baseline: a plain ReAct agent (Yao et al. 2022) with the nine checks as tools; the model concludes by itself."""

import json
import os
import re
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

from eval.answer import Answer, Question, Spent
from eval.entrants import Entrant, EntrantError, Spec
from eval.entrants.outside import checked
from tsg_agent import get_tools, open_telemetry

PROMPT = Path(__file__).with_name("react.md")
STEPS = 60
"""LangGraph recursion limit: model and tool turns."""
OBJECT = re.compile(r"\{.*\}", re.DOTALL)


def react(spec: Spec) -> Entrant:
    """The baseline's entrant. Raises EntrantError without a model, or without a key or base URL."""
    if not spec.model:
        raise EntrantError("entrant react needs a model: --model NAME")
    key = os.environ.get("OPENAI_API_KEY", "none" if spec.base_url else "")
    if not key:
        raise EntrantError("entrant react needs OPENAI_API_KEY, or --base-url for an endpoint without a key")
    options: dict[str, Any] = {"model": spec.model, "base_url": spec.base_url, "api_key": key, "timeout": spec.timeout}
    model = ChatOpenAI(temperature=0, **options)
    prompt = PROMPT.read_text(encoding="utf-8").replace("{{ schema }}", json.dumps(Answer.model_json_schema()))

    def solve(question: Question) -> Answer:
        with open_telemetry(question.telemetry) as engine:
            agent: Any = create_agent(model, get_tools(engine, checks_only=True), system_prompt=prompt)
            told = f"{question.incident}\n\nNow: {question.now.isoformat()}"
            if question.answers:
                told += f"\nAnswers to your questions: {json.dumps(question.answers)}"
            ended = agent.invoke({"messages": [("user", told)]}, config={"recursion_limit": STEPS})
        return _read(ended["messages"])

    return solve


def _read(messages: list[Any]) -> Answer:
    """Parse the last message's JSON; the tools' results are its evidence. Raises EntrantError."""
    text = str(messages[-1].text)
    found = OBJECT.search(text)
    if not found:
        raise EntrantError(f"the last message is no JSON: {text[:200]}")
    answer = checked(found.group())
    told = [message for message in messages if message.type == "ai"]
    usage = [message.usage_metadata or {} for message in told]
    spent = Spent(
        model_calls=len(told),
        input_tokens=sum(int(item.get("input_tokens", 0)) for item in usage),
        output_tokens=sum(int(item.get("output_tokens", 0)) for item in usage),
    )
    artifacts = [m.artifact for m in messages if getattr(m, "artifact", None) is not None]
    return answer.model_copy(update={"spent": spent, "evidence": artifacts})
