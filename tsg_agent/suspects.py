"""Verdicts, and the measured figures of the text's suspicions, significant or not."""

from dataclasses import replace

from tsg_agent.extract.mentions import mentioned
from tsg_agent.verdicts import Evidence, judge
from tsg_agent.verdicts.judge import Judged
from tsg_agent.verdicts.mentioned import names_in, with_mentions


def judge_with_suspects(evidence: Evidence, text: str) -> Judged:
    """The verdicts, and each mention in the text with its figures; words of the parameters are no suspicions."""
    judged, given = judge(evidence), evidence.parameters
    told = (given.service_name, given.region, given.environment, *given.other_regions)
    found = mentioned(text, names_in(judged.measurement), told) if text else []
    return replace(judged, judgement=with_mentions(found, judged))
