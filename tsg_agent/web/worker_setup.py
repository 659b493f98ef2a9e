"""Initializes the server's worker processes."""

import os

from tsg_agent.settings import load_settings
from tsg_agent.web.audit import WHO, Audit, Who

YIELDS = 10
"""Increment of the niceness, so that the server stays responsive."""


def begin() -> None:
    """Lower the priority, and log queries to the audit log, with their investigation's requester."""
    os.nice(YIELDS)
    WHO.set(Who("worker"))
    Audit(load_settings().state_dir).__enter__()
