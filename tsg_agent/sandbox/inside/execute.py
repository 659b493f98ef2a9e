"""Runs the code and writes the answer: the last expression or `result`, or the error with its line."""

import ast
import json
import os
import sys
import traceback
from collections.abc import Mapping
from types import CodeType
from typing import Any

from tsg_agent.sandbox.inside import encode

FILE_NAME = "<code>"
RESULT_NAME = "result"
MESSAGE_CHARACTERS = 2000


def answer(code: str, names: Mapping[str, object], reply: int, limits: Mapping[str, Any]) -> None:
    """Runs the code, and writes one JSON document to the descriptor `reply`. The code may have changed everything here.

    No isolation depends on this module: the parent validates the whole document.
    """
    encoder = encode.Encoder(limits)
    document: dict[str, object] = {"value": None, "tables": [], "cut": [], "error": None}
    try:
        document = encoder.document(_run(code, names))
    except BaseException as error:  # anything that the code raises, SystemExit too, is the run's outcome
        document["error"] = _describe(error)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # the code closed it; earlier output was read already
        document["cut"] = ["output"]
    text = json.dumps(document, allow_nan=False).encode("ascii")
    while text:
        text = text[os.write(reply, text) :]


def _run(code: str, names: Mapping[str, object]) -> object:
    body, last = _compile(code)
    scope: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__, **names}
    exec(body, scope)  # noqa: S102 - what this process was closed in for
    value = None if last is None else eval(last, scope)  # noqa: S307 - the same
    return scope.get(RESULT_NAME) if value is None else value


def _compile(code: str) -> tuple[CodeType, CodeType | None]:
    tree = ast.parse(code, FILE_NAME)
    last: CodeType | None = None
    ending = tree.body[-1] if tree.body else None
    if isinstance(ending, ast.Expr):
        tree.body.pop()
        last = compile(ast.Expression(ending.value), FILE_NAME, "eval")
    return compile(tree, FILE_NAME, "exec"), last


def _describe(error: BaseException) -> dict[str, object]:
    return {"type": type(error).__name__[:100], "message": _message(error)[:MESSAGE_CHARACTERS], "line": _line(error)}


def _message(error: BaseException) -> str:
    try:
        return str(error.msg) if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # an exception class of the code, whose __str__ fails
        return "(the error has no readable text)"


def _line(error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        return error.lineno
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if _is_code(frame.f_code)]
    return lines[-1] if lines else None


def _is_code(code: CodeType) -> bool:
    return code.co_filename == FILE_NAME
