"""Two tools beside the nine checks: the whole guide, and a question in plain words. They stand above the checks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.ask import answer
from tsg_agent.ask.tools import guide_text
from tsg_agent.errors import QuestionError, TsgError
from tsg_agent.extract import Given
from tsg_agent.investigation import ainvestigate, investigate
from tsg_agent.llm.untrusted import fenced
from tsg_agent.settings import Settings
from tsg_agent.store import Request
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import AnyGuide
from tsg_agent.tools.langchain import explainer

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

CHARACTERS = 8_000
GUIDE = (
    "Runs the whole troubleshooting guide over the telemetry and concludes: ranked causes with their evidence, what "
    "was dismissed, what to do, what could not be checked. Give the incident's text as people wrote it; what it leaves "
    "open is an error that names the candidates: call again with that argument."
)
ASK = (
    "Answers one question in plain words about the telemetry, with the rows that bear it out: what failed most, when, "
    "where, whether something is the cause. It says what of the question it did not understand."
)


class IncidentArgs(Given):
    """Arguments of run_guide: the incident's text, and what wins over it."""

    incident: str = Field("", description="the incident's text: alert, ticket, chat; with region, service and times")


class QuestionArgs(BaseModel):
    """Arguments of ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(description="one question, e.g. which shards failed most after 14:00 UTC?")
    incident: str = Field("", description="the text of the incident that the question is about, if any")


class ToolReply(NamedTuple):
    """Text for a model, and the whole result as plain JSON."""

    text: str
    artifact: dict[str, Any]


def more_tools(telemetry: Engine, settings: Settings, guide: AnyGuide) -> "list[StructuredTool]":
    """`run_guide` and `ask` over one source."""

    def request(args: IncidentArgs) -> Request:
        given = {name: getattr(args, name) for name in Given.model_fields}
        return Request(text=args.incident, telemetry="", given=Given.model_validate(given))

    def follow(**given: Any) -> ToolReply:
        asked = request(IncidentArgs.model_validate(given))
        report = investigate(asked, engine=telemetry, settings=settings, guide=guide)
        return ToolReply(guide_text(report), report.model_dump(mode="json"))

    async def afollow(**given: Any) -> ToolReply:
        asked = request(IncidentArgs.model_validate(given))
        report = await ainvestigate(asked, engine=telemetry, settings=settings, guide=guide)
        return ToolReply(guide_text(report), report.model_dump(mode="json"))

    def ask(question: str, incident: str = "") -> ToolReply:
        said = answer(question, telemetry, settings, incident=incident, guide=guide)
        evidence = [f"[{identity}] {words}" for identity, words in said.evidence.items()]
        return ToolReply("\n".join([said.text, *evidence, *said.notes]), said.model_dump(mode="json"))

    return [
        _tool("run_guide", GUIDE, IncidentArgs, follow, afollow),
        _tool("ask", ASK, QuestionArgs, ask),
    ]


def _tool(
    name: str, description: str, args: type[BaseModel], call: Callable[..., ToolReply], acall: Any = None
) -> "StructuredTool":
    from langchain_core.tools import StructuredTool, ToolException  # noqa: PLC0415 - importing it takes a second

    def refused(error: TsgError) -> ToolException:
        again = " Call again with these arguments." if isinstance(error, QuestionError) else ""
        return ToolException(f"Error: {error}{again}")

    def guarded(**given: Any) -> tuple[str, dict[str, Any]]:
        try:
            told = call(**given)
        except TsgError as error:
            raise refused(error) from error
        return fenced(told.text, CHARACTERS), told.artifact

    async def aguarded(**given: Any) -> tuple[str, dict[str, Any]]:
        try:
            told = await acall(**given)
        except TsgError as error:
            raise refused(error) from error
        return fenced(told.text, CHARACTERS), told.artifact

    return StructuredTool.from_function(
        func=guarded,
        coroutine=aguarded if acall else None,
        name=name,
        description=description,
        args_schema=args,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=explainer(args),
    )
