"""The incident of tests/llm, to ask about."""

from tests.llm.conftest import by_rules, engine, incident

__all__ = ["by_rules", "engine", "incident"]
