"""From findings and verdicts to causes, gaps, actions and drafts. Pure; no model has a say in it."""

from tsg_agent.conclude.conclusion import conclude

__all__ = ["conclude"]
