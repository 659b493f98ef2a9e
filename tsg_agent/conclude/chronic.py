"""What fails throughout the window: no cause of the incident, but most of the failures where nothing changed."""

from dataclasses import dataclass

from tsg_agent.conclude.case import Case
from tsg_agent.models import Measure, Rate, Verdict
from tsg_agent.wording import percent, rate_words, subject_name

MOST = 0.5
"""Share of all failures that are its own, beyond the rest's rate."""
DESCRIBES = "describes"
"""Why a value that names failures was dismissed."""
NEARLY = 0.9
"""Among subjects with nearly as many failures, the one with the fewest requests is named."""


@dataclass(frozen=True)
class Chronic:
    """A dismissed subject that holds most of the failures: its requests, and the rest's."""

    verdict: Verdict
    mine: Rate
    rest: Rate

    @property
    def own(self) -> float:
        """Failures beyond the rest's rate."""
        return self.mine.failures - self.mine.requests * self.rest.percent / 100

    @property
    def most(self) -> bool:
        """Whether most failures are its own."""
        failures = self.mine.failures + self.rest.failures
        return bool(failures) and self.own >= MOST * failures

    @property
    def words(self) -> str:
        """ "most of what fails is at endpoint /a, all through the window: 39.3 % of its requests (201 of 512), …"."""
        figures = f"{percent(self.mine.percent)} of its requests ({rate_words(self.mine)})"
        where = f"most of what fails is at {subject_name(self.verdict.subject)}, all through the window"
        return f"{where}: {figures}, {percent(self.rest.percent)} of the rest"


def chronic(case: Case) -> Chronic | None:
    """The dismissed subject that holds most of the failures, where nothing began; None if there is none."""
    if case.judgement.start.measured is not None:
        return None
    looked = [
        Chronic(one, one.contrast.subject, one.contrast.rest)
        for one in case.judgement.rejected
        if one.measure is Measure.SERVER_ERRORS and one.dismissal != DESCRIBES
        if one.contrast.subject and one.contrast.rest
    ]
    held = [one for one in looked if one.most]
    most = max((one.own for one in held), default=0.0)
    return min((one for one in held if one.own >= NEARLY * most), key=lambda one: one.mine.requests, default=None)
