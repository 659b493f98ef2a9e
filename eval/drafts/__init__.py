"""Specifications of the exam's incidents; `python -m eval.author` generates their files."""

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
"""Single causes for each of Steps 2-10, strong and weak."""
FIRST_EDITION: tuple[Draft, ...] = (*STEPS, *OTHERS, *QUIET, *RECORDINGS)
"""The 99 incidents of the first edition of the exam."""
SECOND_EDITION: tuple[Draft, ...] = (
    *CONJUNCTIONS, *OVERLAPS, *LATER, *UNEQUAL, *CANARIES, *REFUSED, *THROTTLED, *LOST, *TRACES, *STARTS, *QUIET_SECOND,
)  # fmt: skip
"""Added later: conjunctions of values, and onsets to be measured."""
DRAFTS: tuple[Draft, ...] = (*FIRST_EDITION, *SECOND_EDITION)
