"""The made incidents, as their author thought of them: `python -m eval.author` writes them out."""

from eval.drafts.causes import ERRORS, WORKFLOWS
from eval.drafts.changes import FLAGS, VERSIONS
from eval.drafts.conjunctions import CONJUNCTIONS, LATER, OVERLAPS, UNEQUAL
from eval.drafts.draft import Draft
from eval.drafts.others import OTHERS
from eval.drafts.outcomes import CANARIES, LOST, REFUSED, THROTTLED
from eval.drafts.places import PARTITIONS, REGIONS, ZONES
from eval.drafts.quiet import QUIET
from eval.drafts.recordings import RECORDINGS
from eval.drafts.requests import ENDPOINTS, PRODUCTS
from eval.drafts.traces import QUIET as QUIET_SECOND
from eval.drafts.traces import STARTS, TRACES

__all__ = ["DRAFTS", "FIRST_EDITION", "SECOND_EDITION", "Draft"]

STEPS: tuple[Draft, ...] = (
    *VERSIONS, *FLAGS, *REGIONS, *PARTITIONS, *ZONES, *ENDPOINTS, *PRODUCTS, *WORKFLOWS, *ERRORS,
)  # fmt: skip
"""One cause, of each of the guide's Steps 2-10: strong and weak, on different dimensions."""
FIRST_EDITION: tuple[Draft, ...] = (*STEPS, *OTHERS, *QUIET, *RECORDINGS)
"""The 99 incidents of the first edition of the exam."""
SECOND_EDITION: tuple[Draft, ...] = (
    *CONJUNCTIONS, *OVERLAPS, *LATER, *UNEQUAL, *CANARIES, *REFUSED, *THROTTLED, *LOST, *TRACES, *STARTS, *QUIET_SECOND,
)  # fmt: skip
"""Those that came with descriptions of several values and a start that is measured."""
DRAFTS: tuple[Draft, ...] = (*FIRST_EDITION, *SECOND_EDITION)
