"""What a process that runs the server's investigations does first."""

import os

from tsg_agent.settings import load_settings
from tsg_agent.web.audit import WHO, Audit, Who

YIELDS = 10
"""By how much it is nicer than the server, which answers people and probes meanwhile."""


def begin() -> None:
    """Yield to the server, and have queries written into the audit log: their investigation says who asked."""
    os.nice(YIELDS)
    WHO.set(Who("worker"))
    Audit(load_settings().state_dir).__enter__()
