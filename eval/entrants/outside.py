"""External entrants: any command line or Python function that maps a Question to an Answer."""

import importlib
import shlex
import subprocess
import tempfile
from typing import Any

from pydantic import ValidationError

from eval.answer import Answer, Question
from eval.entrants import Entrant, EntrantError, Spec

SHOWN = 400


def command(spec: Spec, line: str) -> Entrant:
    """Run a command per question: question as JSON on stdin, answer as JSON on stdout. Raises EntrantError."""
    words = shlex.split(line)

    def solve(question: Question) -> Answer:
        # In an empty directory, so that it does not find the exam's labels.
        with tempfile.TemporaryDirectory(prefix="exam-") as empty:
            try:
                ended = subprocess.run(  # noqa: S603 - the command is what its user asks for; no shell
                    words,
                    input=question.model_dump_json(),
                    capture_output=True,
                    text=True,
                    encoding="utf-8",
                    timeout=spec.timeout,
                    cwd=empty,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise EntrantError(f"no answer within {spec.timeout:g} s") from error
            except OSError as error:
                raise EntrantError(f"cannot start {words[0]}: {error}") from error
        if ended.returncode:
            raise EntrantError(f"exit code {ended.returncode}: {ended.stderr[-SHOWN:].strip()}")
        return checked(ended.stdout)

    return solve


def function(place: str) -> Entrant:
    """`module:function`, called with the question as a dict; returns a dict or JSON. Raises EntrantError."""
    module, _, name = place.partition(":")
    try:
        solver = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise EntrantError(f"no function {place}: {error}") from error

    def solve(question: Question) -> Answer:
        return checked(solver(question.model_dump(mode="json")))

    return solve


def checked(given: Any) -> Answer:
    """Validate a dict or JSON as an Answer. Raises EntrantError with the first invalid field."""
    try:
        if isinstance(given, str | bytes):
            return Answer.model_validate_json(given)
        return Answer.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        begins = ""
        if first["type"] == "json_invalid":  # usually a log line before the answer
            line = str(given if isinstance(given, str) else given.decode("utf-8", "replace")).strip().partition("\n")[0]
            begins = f"; standard output must be the answer alone, and begins with {line[: SHOWN // 4]!r}"
        raise EntrantError(f"not an answer of the protocol: {place}: {first['msg']}{begins}") from error
