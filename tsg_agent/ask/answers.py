"""An answer, with all that it rests on."""

from pydantic import Field

from tsg_agent.models import Model, ModelUsage, Parameters, Report


class Answer(Model):
    """What is said to a question. Every figure cites a row, which is in `evidence`."""

    question: str
    text: str
    evidence: dict[str, str] = Field(default_factory=dict, description="id -> the row in words")
    notes: list[str] = Field(default_factory=list, description="what could not be done, and what was assumed")
    not_honoured: list[str] = Field(
        default_factory=list, description="parts of the question that were not understood or not used; in `text` too"
    )
    mode: str = Field("rules only", description="rules only, or the model's name")
    usage: ModelUsage = ModelUsage()
    parameters: Parameters | None = None
    report: Report | None = Field(None, description="the investigation, where the answer rests on one")
    checks: list[str] = Field(default_factory=list, description="tools that were used, in their order")
    sentences_dropped: int = Field(0, description="sentences of a model's that did not pass the check")
