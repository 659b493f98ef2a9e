"""The conclusion in words: a model's, else the rules' own sentences, and the credit."""

from tsg_agent.models import NarrativeSection, Report
from tsg_agent.wording import some

GUIDES_WORDS = (
    "The guide's words: Step n is the check that is about it; a definitive resolution is a critical workflow that "
    "fails, a potential one something that somebody changed and can take back, a symptom a place where it shows."
)
"""Terms of the guide that a report explains if it uses them."""
CAUSES = 3
"""Number of causes described in words; the report lists all."""


def by_rules(report: Report) -> list[NarrativeSection]:
    """The sections in the rules' sentences."""
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
    """The sections of the report."""
    return report.narrative.sections if report.narrative else by_rules(report)


def credit(report: Report) -> str:
    """The author, how many sentences failed the check, and the cost."""
    told, spent = report.narrative, report.usage.model
    money = f", cost {spent.cost:.4f}" if spent.cost is not None else ""
    cost = f"{some(spent.calls, 'call')}, {spent.input_tokens:,} tokens read, {spent.output_tokens:,} written{money}"
    if told is None:
        return f"{report.usage.mode}{f'; {cost}' if spent.calls else ''}."
    return (
        f"Written by {report.usage.mode}: {some(told.sentences, 'sentence')}, {told.sent_back} sent back, "
        f"{told.replaced} replaced by the rules'; {cost}. Causes and actions are the rules' own."
    )
