"""A model with the tools: its loop is bounded from outside, and its answer checked sentence by sentence."""

from collections.abc import Callable
from typing import Any

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.tools import Bench, agent_tools
from tsg_agent.errors import BudgetError, ModelError
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.client import connection, typed
from tsg_agent.llm.grounding import check, cited, sentences_of
from tsg_agent.llm.prompts import render
from tsg_agent.llm.prose import Failed
from tsg_agent.llm.protocol import Message
from tsg_agent.llm.redaction import Redactor
from tsg_agent.llm.telling import usage_of
from tsg_agent.settings import ModelSettings
from tsg_agent.wording import one_line

NODE = "ask"
STEPS = 40
"""Nodes of the agent's loop, at most: the budget's calls end it first."""
SENTENCES = 12
Said = Callable[[str], None]


class Agent:
    """Answers a question with tools, within one question's budget. Raises ModelError where it cannot."""

    def __init__(self, bench: Bench, settings: ModelSettings, redactor: Redactor | None = None) -> None:
        self._bench, self._settings = bench, settings
        self._redactor = redactor or Redactor(settings.redact)
        self.budget = Budget(settings)

    def answer(self, question: str, messages: list[Message], said: Said) -> Answer:
        """The checked answer; `said` hears of each tool as it is called."""
        agent = self._agent(messages[0].content)
        turns: list[Any] = [{"role": "user", "content": messages[1].content}]
        text, turns = self._run(agent, turns, said)
        good, failed = self._checked(text)
        sent_back = len(failed)
        if failed:
            again = render("ask_mend", sentences=failed)[0].content
            try:
                text, _ = self._run(agent, [*turns, {"role": "user", "content": again}], said)
                good, failed = self._checked(text)
            except BudgetError:
                pass  # what passed is still an answer
        if not good:
            raise ModelError("No sentence of the model's answer is borne out by evidence.", kind="not grounded")
        ids = list(dict.fromkeys(item for sentence in good for item in cited(sentence)))
        ledger = self._bench.ledger
        mended = [f"{sent_back} sentences were sent back, {len(failed)} left out."] if sent_back else []
        return Answer(
            question=question,
            text=" ".join(good),
            evidence=dict(ledger.words(ids)),
            notes=[*self._bench.notes, *mended],
            mode=self._settings.name,
            usage=usage_of(self.budget.nodes),
            parameters=ledger.report.parameters if ledger.report else None,
            report=ledger.report,
            checks=ledger.tools,
            sentences_dropped=len(failed),
        )

    def _agent(self, system: str) -> Any:
        from langchain.agents import create_agent  # noqa: PLC0415 - takes seconds to import
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - as above

        from tsg_agent.ask.guard import Guard  # noqa: PLC0415 - as above

        settings = self._settings
        model = ChatOpenAI(
            model=settings.name,
            max_retries=settings.retries,
            max_completion_tokens=settings.answer_tokens,
            stream_usage=True,
            **connection(settings),
        )
        return create_agent(
            model,
            agent_tools(self._bench),
            system_prompt=system,
            middleware=[Guard(self.budget, self._redactor, NODE)],
        )

    def _run(self, agent: Any, turns: list[Any], said: Said) -> tuple[str, list[Any]]:
        """Let the agent work until it answers; gives the answer and all messages."""
        from langgraph.errors import GraphRecursionError  # noqa: PLC0415 - as above
        from openai import OpenAIError  # noqa: PLC0415 - as above

        ended: list[Any] = turns
        told = 0
        try:
            for state in agent.stream({"messages": turns}, {"recursion_limit": STEPS}, stream_mode="values"):
                ended = state["messages"]
                for message in ended[max(told, len(turns)) :]:
                    for call in getattr(message, "tool_calls", None) or []:
                        said(f"{call['name']} …")
                told = len(ended)
        except OpenAIError as error:
            raise typed(error, self._settings) from None
        except GraphRecursionError:
            raise BudgetError(f"The model took more than {STEPS} steps.", kind="over budget") from None
        text = str(ended[-1].text).strip()
        if not text:
            raise ModelError("The model's answer was empty.", kind="empty")
        return self._redactor.put_back(text), ended

    def _checked(self, text: str) -> tuple[list[str], list[Failed]]:
        """The sentences that pass, and the others."""
        evidence = self._bench.ledger.evidence()
        good, failed = [], []
        for place, sentence in enumerate(sentences_of(text)[:SENTENCES]):
            reasons = check(sentence, evidence)
            if reasons:
                failed.append(Failed(0, place, one_line(sentence, 500), reasons[:3]))
            else:
                good.append(one_line(sentence, 600))
        return good, failed
