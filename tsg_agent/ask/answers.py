"""An answer, with all that it rests on."""

from pydantic import Field

from tsg_agent.ask.typed import TypedQuery
from tsg_agent.models import Model, ModelUsage, Parameters, Report


class Table(Model):
    """A query and its rows. The column `failures` is always 5xx; every other condition has a column of its own."""

    id: str
    title: str
    query: TypedQuery
    rows: list[dict[str, str | int | float | None]]
    sql: str = ""


class Refusal(Model):
    """Why a question was not answered, and which similar ones can be."""

    question: str
    not_understood: list[str] = Field(description="its words that nobody understood, or that have no place")
    understood: str = Field("", description="what was, as a question")
    nearest: list[str] = Field(default_factory=list, description="questions that can be answered")


class Answer(Model):
    """The answer to a text of one or more questions. Every figure cites a row of `evidence`."""

    question: str
    text: str
    evidence: dict[str, str] = Field(default_factory=dict, description="id -> the row in words")
    tables: list[Table] = Field(default_factory=list, description="what was counted, by rules")
    refused: list[Refusal] = Field(default_factory=list, description="questions that were not answered")
    notes: list[str] = Field(default_factory=list, description="what could not be done, and what was assumed")
    not_honoured: list[str] = Field(
        default_factory=list, description="what was read otherwise than it is written, or not used; in `text` too"
    )
    mode: str = Field("rules only", description="rules only, or the model's name")
    usage: ModelUsage = ModelUsage()
    parameters: Parameters | None = None
    report: Report | None = Field(None, description="the investigation, where the answer rests on one")
    checks: list[str] = Field(default_factory=list, description="tools that were used, in their order")
    sentences_dropped: int = Field(0, description="sentences of a model's that did not pass the check")
