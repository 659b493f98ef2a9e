"""The incidents as an Inspect task: `inspect eval eval/inspect_task.py@incidents --model none`.

Without a model the solver is rules only; with one, our graph's calls go through Inspect's own model, so that they
stand in its log. Needs the extra `inspect`.
"""

import asyncio
import contextvars
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.model import Model as InspectsModel
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from eval.answer import Answer, Question
from eval.cache import default_cache, telemetry_of
from eval.cases import INCIDENTS, Case, chosen, load_all
from eval.entrants.rules import solved
from eval.guide_labels import guide_labels
from eval.recorded import expected_of
from eval.scorers import COSTS, failed, passed, score
from tsg_agent import Settings

NO_MODEL = "none"
ANSWER, ASKED = "exam:answer", "exam:asked"
ROLES = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}


@dataclass(frozen=True)
class Told:
    """A model's answer and its cost, in our agent's protocol."""

    text: str
    input_tokens: int
    output_tokens: int
    milliseconds: float = 0.0


class Bridge:
    """Inspect's model, as our agent calls one: from its own threads, into Inspect's event loop and sample."""

    def __init__(self, model: InspectsModel) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()

    @property
    def name(self) -> str:
        """Inspect's name of the model."""
        return str(self._model)

    def complete(self, messages: Sequence[Any], *, schema: Any = None) -> Told:
        """One call, which is logged in the sample's transcript."""
        inputs: list[ChatMessage] = [ROLES[message.role](content=message.content) for message in messages]
        config = GenerateConfig()
        if schema is not None:
            config.response_schema = ResponseSchema(name=schema.name, json_schema=schema.schema)
        # Inspect finds the call's sample by its context variables.
        future = self._context.copy().run(
            asyncio.run_coroutine_threadsafe, self._model.generate(inputs, config=config), self._loop
        )
        output: ModelOutput = future.result()
        used = output.usage
        return Told(
            output.completion,
            used.input_tokens if used else 0,
            used.output_tokens if used else 0,
            (output.time or 0) * 1000,
        )


def _cases(state: TaskState) -> Case:
    case = state.metadata["case"]
    return chosen(load_all(Path(state.metadata["folder"])), [case])[0].reseeded(state.metadata["reseed"])


@solver
def tsg_agent_solver(cache: str = "") -> Solver:
    """Our agent; a parameter that it asks for is answered with the labelled value, once."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - Inspect's Solver passes it; ours asks no model through it
        case = _cases(state)
        model = None if str(state.model) in (NO_MODEL, "none/none") else Bridge(get_model())
        folder = await asyncio.to_thread(telemetry_of, case, Path(cache) if cache else default_cache())
        question = Question(incident=case.text, telemetry=str(folder), now=case.now)
        nameless: dict[str, Any] = {"model": {"name": ""}}  # ignore the environment
        settings = Settings(**nameless)
        answer = await asyncio.to_thread(solved, question, settings, model)
        asked = list(answer.questions)
        if asked:
            known = case.expected.parameters.model_dump(mode="json", exclude_none=True)
            again = question.model_copy(update={"answers": {name: known[name] for name in asked if name in known}})
            answer = await asyncio.to_thread(solved, again, settings, model)
        state.store.set(ANSWER, answer.model_dump(mode="json"))
        state.store.set(ASKED, asked)
        state.output = ModelOutput.from_content(str(state.model), answer.prose)
        return state

    return solve


def _metrics() -> dict[str, list[Any]]:
    return {"*": [mean(), stderr()]}


@scorer(metrics=_metrics(), name="exam")
def exam(cache: str = "") -> Scorer:
    """Every score of the exam, under its own name; one that an incident does not ask for is left out (NaN)."""

    async def judge(state: TaskState, target: Target) -> Score:
        case = _cases(state)
        root = Path(cache) if cache else default_cache()
        answer = Answer.model_validate(state.store.get(ANSWER) or {})
        truth = await asyncio.to_thread(guide_labels, telemetry_of(case, root), case, root)
        scores = score(expected_of(case), case.text, answer, state.store.get(ASKED) or [], truth)
        if answer.questions or not state.store.get(ANSWER):
            scores = failed(scores)
        values = {name: float("nan") if value is None else value for name, value in scores.items() if name not in COSTS}
        values["passed"] = float(passed(scores))
        causes = json.dumps([cause.subject for cause in answer.causes])
        return Score(value=values, answer=causes, explanation=target.text)

    return judge


@task
def incidents(cases: str = "", folder: str = str(INCIDENTS), reseed: int = 0, cache: str = "") -> Task:
    """The incidents. `cases`: ids, groups or tags, by commas; `reseed`: other random numbers."""
    wanted = chosen(load_all(Path(folder)), [word.strip() for word in cases.split(",") if word.strip()])
    samples = [
        Sample(
            id=case.id,
            input=case.text,
            target=json.dumps([cause.any_of for cause in case.expected.causes]),
            metadata={"case": case.id, "folder": folder, "reseed": reseed, "group": case.expected.group},
        )
        for case in wanted
    ]
    return Task(dataset=MemoryDataset(samples), solver=tsg_agent_solver(cache), scorer=exam(cache), name="incidents")
