"""What every judgement of an investigation shares: the limits, the cuts for significance, the gates, the findings."""

from dataclasses import dataclass, replace

import numpy as np

from tsg_agent.evidence.grid import Grid
from tsg_agent.models import Finding, Gate, Measure
from tsg_agent.settings import AllThresholds
from tsg_agent.statistics import Floats, significant
from tsg_agent.verdicts.screen import Screen

FAILURES = (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED, Measure.CLIENT_ERRORS)
STEP_MEASURES: dict[int, tuple[Measure, ...]] = {
    2: (Measure.SERVER_ERRORS, Measure.SLOW),
    3: (Measure.SERVER_ERRORS, Measure.SLOW),
    4: (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED),
    5: (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED, Measure.SLOW),
    6: (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED, Measure.SLOW),
    7: (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED, Measure.CLIENT_ERRORS, Measure.SLOW),
    8: (Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL, Measure.RATE_LIMITED, Measure.SLOW, Measure.RETRIES),
    9: (Measure.WORKFLOW_FAILURES,),
    10: (Measure.SERVER_ERRORS,),
}
"""What the guide's labels of each step are about."""


ACTING_STEPS = (2, 3, 9)
"""Steps whose findings are potential or definitive resolutions."""


@dataclass(frozen=True)
class Cuts:
    """The p under which something is significant, over all groups of all steps."""

    onset: float
    """Benjamini-Hochberg: few of all that is found are chance."""
    contrast: float
    onset_alone: float
    """Bonferroni: not one of what is found is chance. For what a cause taken out has left, of which chance has its
    share: a hundred groups that failed with the cause made room for it, and it alone does not vanish with them."""
    contrast_alone: float

    @classmethod
    def of(cls, screens: list[Screen], rate: float) -> "Cuts":
        """Fixed once, over everything that was measured."""
        onsets = np.concatenate([s.p[s.measured] for s in screens]) if screens else np.zeros(0)
        compared = [s.contrast_p[s.overlaps & ~s.whole] for s in screens]
        contrasts = np.concatenate(compared) if compared else np.zeros(0)
        return cls(
            _critical(onsets, rate),
            _critical(contrasts, rate),
            onset_alone=rate / max(1, onsets.size),
            contrast_alone=rate / max(1, contrasts.size),
        )

    @property
    def left(self) -> "Cuts":
        """The cuts for what a cause taken out has left."""
        return replace(self, onset=self.onset_alone, contrast=self.contrast_alone)


def _critical(p: Floats, rate: float) -> float:
    """Benjamini-Hochberg's critical value: as many p-values stand as are under it. It holds for what is measured again.

    With none that stands it is Bonferroni's, which none is under.
    """
    return rate * max(1, int(significant(p, rate).sum())) / max(1, p.size)


@dataclass(frozen=True)
class Setting:
    """What every judgement shares."""

    grid: Grid
    limits: AllThresholds
    cuts: Cuts
    gates: dict[Measure, Gate]
    findings: dict[int, Finding]
    doubted: bool = False
    """The start given is doubted: nothing at all changed there."""
    moved: bool = False
    """No start is known, but the service's failures came and went within the window: something happened in it."""

    @property
    def start_known(self) -> bool:
        """Whether anything is judged by its onset."""
        return self.grid.start is not None and not self.doubted

    def knows_start(self, step: int) -> bool:
        """Whether a step's findings are judged by their onset: a doubted start is unknown to those that act."""
        return self.grid.start is not None and not (self.doubted and step in ACTING_STEPS)
