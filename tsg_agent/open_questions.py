"""Answers to open parameters: invalid ones are asked again, and never stored."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from tsg_agent.errors import ParameterError
from tsg_agent.extract import Extraction, Given
from tsg_agent.models import Question
from tsg_agent.wording import one_line

NEAR = 3
"""Number of similar candidates that are listed first."""


class Answered(NamedTuple):
    """The given values, the resulting extraction, open questions, and refused answers: parameter -> why."""

    given: Given
    found: Extraction
    questions: list[Question]
    refused: dict[str, str]


def answered(questions: list[Question], given: Given, answers: Any, settle: Callable[[Given], Extraction]) -> Answered:
    """Accept valid answers like flags; ask again for the others, with the reason.

    `answers`: parameter -> value, or the value alone for a single question. `settle` is Step 1. Raises ParameterError
    if the given values are invalid even without the answers.
    """
    said, refused = _by_parameter(questions, answers)
    try:
        held = Given.model_validate({**given.model_dump(), **said})
        found = settle(held)
    except (ValidationError, ParameterError):  # find the invalid one by trying each alone
        held = given
        for name, value in said.items():
            try:
                tried = Given.model_validate({**held.model_dump(), name: value})
                settle(tried)
            except (ValidationError, ParameterError) as error:
                refused[name] = _why(value, error)
            else:
                held = tried
        found = settle(held)
    return Answered(held, found, _asked(found.questions, said, refused), refused)


def _by_parameter(questions: list[Question], answers: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The answers by parameter, without empty ones; and parameter -> why an answer is refused."""
    names = [question.parameter for question in questions]
    if not isinstance(answers, Mapping):
        if len(names) == 1 and not isinstance(answers, list | tuple | set):
            return {names[0]: answers}, {}
        why = f"{_shown(answers)} does not say what it answers: give {', '.join(names)}, each by its name."
        return {}, {names[0]: why}
    said = {str(name): value for name, value in answers.items() if value is not None and value != ""}
    parameters = Given.model_fields
    refused = {
        name: f"There is no parameter {_shown(name)}: there are {', '.join(parameters)}."
        for name in said
        if name not in parameters
    }
    return {name: value for name, value in said.items() if name in parameters}, refused


def _why(value: Any, error: ValidationError | ParameterError) -> str:
    if isinstance(error, ParameterError):
        return str(error)
    return f"{_shown(value)} is no answer: {error.errors()[0]['msg'].removeprefix('Value error, ').rstrip('.')}."


def _asked(still: list[Question], said: Mapping[str, Any], refused: Mapping[str, str]) -> list[Question]:
    """The open questions; after an invalid answer with the reason, and similar candidates first."""
    left = {question.parameter: question for question in still}
    for name in (name for name in said if name in refused and name not in left):
        left[name] = Question(parameter=name, text="Without an answer it stays as it was.")
    for name in refused:
        place = name if name in left else next(iter(left), "")  # unknown parameters: at the first question
        if place:
            question = left[place]
            near = nearest(str(said.get(name, "")), question.candidates)
            text = f"{refused[name]} {question.text}"
            left[place] = question.model_copy(update={"text": text, "candidates": near})
    return list(left.values())


def nearest(value: str, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """The candidates, the most similar first."""
    near = difflib.get_close_matches(value[:200], candidates, NEAR, 0.5)
    return tuple(dict.fromkeys([*near, *candidates]))


def _shown(value: Any) -> str:
    return repr(one_line(value, 60))
