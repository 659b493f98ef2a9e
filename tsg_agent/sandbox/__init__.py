"""Runs untrusted Python over pandas frames, isolated by the Linux kernel. Knows nothing of incidents."""

from tsg_agent.sandbox.failures import FrameError, SandboxClosed, SandboxError, SandboxUnavailable, SandboxViolation
from tsg_agent.sandbox.layers import Layer
from tsg_agent.sandbox.limits import Limits
from tsg_agent.sandbox.result import CodeError, Column, Opaque, Result, Status, Table, Value
from tsg_agent.sandbox.session import Session

__all__ = [
    "CodeError",
    "Column",
    "FrameError",
    "Layer",
    "Limits",
    "Opaque",
    "Result",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
    "SandboxViolation",
    "Session",
    "Status",
    "Table",
    "Value",
]
