"""Errors on their way from a worker process to its service: plain JSON, which builds nothing but an error."""

from typing import Any

from tsg_agent import errors
from tsg_agent.errors import ModelError, QuestionError, TsgError


def told(error: Exception) -> dict[str, Any]:
    """An error as plain JSON."""
    if not isinstance(error, TsgError):
        return {"error": type(error).__name__, "message": str(error), "fix": "Please report it."}
    said: dict[str, Any] = {"error": type(error).__name__, "message": error.message, "fix": error.fix}
    if isinstance(error, QuestionError):
        said["questions"] = error.questions
    if isinstance(error, ModelError):
        said["kind"] = error.kind
    return said


def error_of(said: dict[str, Any]) -> TsgError:
    """The error that was told."""
    kind: Any = getattr(errors, str(said["error"]), TsgError)
    message, fix = str(said["message"]), str(said["fix"])
    if not (isinstance(kind, type) and issubclass(kind, TsgError)):
        return TsgError(message, fix=fix)
    if issubclass(kind, QuestionError):
        return kind([(str(name), str(text), tuple(map(str, some))) for name, text, some in said["questions"]])
    if issubclass(kind, ModelError):
        return kind(message, kind=str(said["kind"]), fix=fix)
    return kind(message, fix=fix)
