"""The made incidents, as their author thought of them: `python -m eval.author` writes them out."""

from eval.drafts.draft import Draft
from eval.drafts.others import OTHERS
from eval.drafts.quiet import QUIET
from eval.drafts.recordings import RECORDINGS
from eval.drafts.steps import STEPS

__all__ = ["DRAFTS", "Draft"]

DRAFTS: tuple[Draft, ...] = (*STEPS, *OTHERS, *QUIET, *RECORDINGS)
