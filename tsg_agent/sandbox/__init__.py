"""Runs untrusted Python over pandas frames, isolated by the Linux kernel. Knows nothing of incidents."""

from tsg_agent.sandbox.failures import FrameError, SandboxClosed, SandboxError, SandboxUnavailable, SandboxViolation
from tsg_agent.sandbox.layers import Layer
from tsg_agent.sandbox.limits import Limits
from tsg_agent.sandbox.result import CodeError, FrameColumn, FrameExcerpt, Opaque, Result, RunStatus, Value
from tsg_agent.sandbox.session import Session

__all__ = [
    "CodeError",
    "FrameColumn",
    "FrameError",
    "FrameExcerpt",
    "Layer",
    "Limits",
    "Opaque",
    "Result",
    "RunStatus",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
    "SandboxViolation",
    "Session",
    "Value",
]
