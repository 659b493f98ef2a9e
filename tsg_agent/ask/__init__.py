"""Questions in plain words, answered from evidence. Names load when they are used: the command line must be quick."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsg_agent.ask.answers import Answer
    from tsg_agent.ask.conversation import Conversation, answer

__all__ = ["Answer", "Conversation", "answer"]
_HOMES = {"Answer": "answers", "Conversation": "conversation", "answer": "conversation"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
