"""The language model behind one small protocol. It reads and writes language; it decides nothing."""

from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.client import OpenAIModel
from tsg_agent.llm.protocol import AnswerSchema, LanguageModel, ModelAnswer, ModelMessage
from tsg_agent.llm.redaction import Redactor
from tsg_agent.settings import ModelSettings

__all__ = [
    "AnswerSchema",
    "Assistant",
    "Budget",
    "LanguageModel",
    "ModelAnswer",
    "ModelMessage",
    "OpenAIModel",
    "Redactor",
    "open_model",
]


def open_model(settings: ModelSettings) -> LanguageModel | None:
    """The model that the settings name; None = rules only."""
    return OpenAIModel(settings) if settings.name else None
