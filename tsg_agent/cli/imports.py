"""The time in which modules are loaded: half of a short run's. They make no garbage, so none is looked for.

What is loaded stays, and is not looked at later either: an investigation takes 0.1 to 0.3 s less for it.
"""

import gc

from tsg_agent.cli import interrupts

YOUNG = 50_000
"""New objects between two looks for garbage; an investigation makes little of it, and Python's 700 are soon there."""


def loading() -> None:
    """Before the first import of what a command needs."""
    interrupts.loading()
    gc.disable()


def loaded() -> None:
    """From here on memory and interrupts are Python's own; what was loaded stays, and is not looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()
    interrupts.loaded()
