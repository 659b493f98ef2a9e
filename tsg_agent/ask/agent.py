"""A model with the tools: its loop is bounded from outside, and its answer checked sentence by sentence.

Its imports take seconds: it is imported where a model is asked, and nowhere else.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError
from openai import DefaultAsyncHttpxClient

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.guard import Guard
from tsg_agent.ask.listening import Listener
from tsg_agent.ask.tools import ToolBench, agent_aliases, agent_tools
from tsg_agent.errors import BudgetError, ModelError
from tsg_agent.llm.bounded import ASYNC_HOOKS
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.client import connection
from tsg_agent.llm.deadline import Unwaited
from tsg_agent.llm.grounding import check, cited, read_rows, sentences_of
from tsg_agent.llm.narrative import usage_of
from tsg_agent.llm.prompts import render
from tsg_agent.llm.prose import UngroundedSentence
from tsg_agent.llm.protocol import LiveTurns, ModelMessage, Turns
from tsg_agent.llm.redaction import Redactor
from tsg_agent.settings import ModelSettings
from tsg_agent.wording import listed, one_line, some

STEPS = 40
"""Maximal number of graph nodes in one run; usually the budget for model calls ends a run earlier."""
SENTENCES = 12


class Agent:
    """Answers a question with tools, within one question's budget. Raises ModelError where it cannot."""

    def __init__(
        self, bench: ToolBench, settings: ModelSettings, redactor: Redactor | None = None, turns: Turns | None = None
    ) -> None:
        self._bench, self._settings = bench, settings
        self._redactor = redactor or Redactor(settings.redact)
        self._turns = turns or LiveTurns()
        self.budget = Budget(settings)
        self._before = len(bench.ledger.tools)

    def answer(self, messages: list[ModelMessage], question: str, listener: Listener) -> Answer:
        """The answer with every sentence checked. Ctrl-C closes the model's call and abandons a running tool."""
        return asyncio.run(self._answer(messages, question, listener))

    async def _answer(self, messages: list[ModelMessage], question: str, listener: Listener) -> Answer:
        asyncio.get_running_loop().set_default_executor(Unwaited(1))
        pool = ThreadPoolExecutor(1, thread_name_prefix="tsg-ask")
        ended = False
        try:
            # A client of its own: one that is kept would belong to an event loop that has ended.
            async with DefaultAsyncHttpxClient(timeout=self._settings.timeout, event_hooks=ASYNC_HOOKS) as http:
                agent = self._agent(messages[0].content, listener, pool, http)
                answer = await self._mended(agent, messages[1].content, question, listener)
            ended = True
            return answer
        finally:
            pool.shutdown(wait=ended, cancel_futures=True)  # a tool that is at work when Ctrl-C comes is left to itself

    async def _mended(self, agent: Any, asked: str, question: str, listener: Listener) -> Answer:
        """Run the agent; sentences that fail the check go back to the model once."""
        turns: list[Any] = [{"role": "user", "content": asked}]
        text, turns = await self._run(agent, turns, listener)
        good, failed = self._checked(text, question)
        sent_back = len(failed)
        if failed:
            listener.doing(f"{some(len(failed), 'sentence')} did not pass the check and went back to the model")
            again = render("ask_mend", sentences=failed)[0].content
            try:
                text, _ = await self._run(agent, [*turns, {"role": "user", "content": again}], listener)
                good, failed = self._checked(text, question)
            except BudgetError:
                pass  # what passed is still an answer
        if not good:
            raise ModelError("No sentence of the model's answer is borne out by evidence.", kind="not grounded")
        ids = list(dict.fromkeys(item for sentence in good for item in cited(sentence)))
        ledger = self._bench.ledger
        mended = [_dropped(sent_back, failed)] if sent_back else []
        return Answer(
            question=question,
            text=" ".join(good),
            evidence=dict(ledger.words(ids)),
            notes=[*self._bench.notes, *mended],
            mode=self._settings.name,
            usage=usage_of(self.budget.nodes),
            parameters=ledger.report.parameters if ledger.report else self._bench.scope,
            report=ledger.report,
            checks=ledger.tools[self._before :],
            sentences_dropped=len(failed),
        )

    def _agent(self, system: str, listener: Listener, pool: ThreadPoolExecutor, http: Any) -> Any:
        settings = self._settings
        model = ChatOpenAI(
            model=settings.name,
            max_retries=0,  # the guard tries again: it counts, and knows the settings
            max_completion_tokens=settings.answer_tokens,
            stream_usage=True,
            http_async_client=http,
            **connection(settings),
        )
        guard = Guard(self.budget, self._redactor, settings, turns=self._turns, listener=listener, pool=pool)
        shown, others = agent_tools(self._bench), agent_aliases(self._bench)
        return create_agent(model, [*shown, *others], system_prompt=system, middleware=[guard])

    async def _run(self, agent: Any, turns: list[Any], listener: Listener) -> tuple[str, list[Any]]:
        """Run the agent until it answers. Returns the answer's text and all messages."""
        ended: list[Any] = turns
        turn = drafted = ""
        modes = ["values", "messages"] if listener.drafts else ["values"]  # "messages": the endpoint streams
        try:
            async for mode, part in agent.astream({"messages": turns}, {"recursion_limit": STEPS}, stream_mode=modes):
                if mode == "values":
                    ended = part["messages"]
                elif part[0].type == "AIMessageChunk":
                    drafted = f"{drafted if part[0].id == turn else ''}{part[0].text}"  # of another turn, or a retry
                    turn = part[0].id
                    listener.draft(self._redactor.put_back(drafted.strip()))
        except GraphRecursionError:
            raise BudgetError(f"The model took more than {STEPS} steps.", kind="over budget") from None
        finally:
            listener.draft("")
        return self._redactor.put_back(str(ended[-1].text).strip()), ended

    def _checked(self, text: str, question: str) -> tuple[list[str], list[UngroundedSentence]]:
        """The answer's sentences that pass the check, and those that fail."""
        evidence = self._bench.ledger.evidence(question)
        good, failed = [], []
        for place, sentence in enumerate(sentences_of(text)[:SENTENCES]):
            reasons = check(sentence, evidence)
            if reasons:
                read = read_rows(sentence, evidence)
                failed.append(UngroundedSentence(0, place, one_line(sentence, 500), reasons[:3], read))
            else:
                good.append(one_line(sentence, 600))
        return good, failed


def _dropped(sent_back: int, failed: list[UngroundedSentence]) -> str:
    """A note: how many sentences failed the check, how many were left out, and why."""
    why = listed([one_line(reason, 120) for one in failed for reason in one.reasons[:1]], 4)
    said = f"{some(sent_back, 'sentence')} of the model's did not pass the check and went back to it"
    return f"{said}; {len(failed)} left out{f': {why}' if why else ''}."
