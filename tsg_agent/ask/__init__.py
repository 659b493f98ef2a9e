"""Questions in plain words, answered from evidence."""

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.conversation import Conversation, answer

__all__ = ["Answer", "Conversation", "answer"]
