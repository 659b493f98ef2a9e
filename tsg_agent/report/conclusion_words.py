"""The conclusion in words: a model's where one wrote them, else the rules' own sentences, and who wrote how much."""

from tsg_agent.models import NarrativeSection, Report
from tsg_agent.wording import some

GUIDES_WORDS = (
    "The guide's words: Step n is the check that is about it; a definitive resolution is a critical workflow that "
    "fails, a potential one something that somebody changed and can take back, a symptom a place where it shows."
)
"""What a report explains where it uses them."""
CAUSES = 3
"""Causes that are told of in words; the report lists all."""


def by_rules(report: Report) -> list[NarrativeSection]:
    """The sections that can be told, in the sentences of the rules."""
    told = [("What happened", report.headline)]
    for cause in report.causes[:CAUSES]:
        kind = "Cause" if cause.confidence.value == "confirmed" else "Suspect"
        told.append((f"{kind} {cause.rank}", cause.statement))
    if report.actions:
        told.append(("What to do", " ".join(action.statement for action in report.actions)))
    if report.gaps:
        told.append(("What was not checked", " ".join(gap.statement for gap in report.gaps)))
    return [NarrativeSection(title=title, text=text, by="rules") for title, text in told]


def in_words(report: Report) -> list[NarrativeSection]:
    """The sections as they stand in the report."""
    return report.narrative.sections if report.narrative else by_rules(report)


def credit(report: Report) -> str:
    """Who wrote them, how many sentences did not pass the check, and what that cost."""
    told, spent = report.narrative, report.usage.model
    money = f", cost {spent.cost:.4f}" if spent.cost is not None else ""
    cost = f"{some(spent.calls, 'call')}, {spent.input_tokens:,} tokens read, {spent.output_tokens:,} written{money}"
    if told is None:
        return f"{report.usage.mode}{f'; {cost}' if spent.calls else ''}."
    return (
        f"Written by {report.usage.mode}: {some(told.sentences, 'sentence')}, {told.sent_back} sent back, "
        f"{told.replaced} replaced by the rules'; {cost}. Causes and actions are the rules' own."
    )
