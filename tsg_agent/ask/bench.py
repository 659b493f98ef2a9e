"""What the rules need to answer, and the state that follow-up questions need."""

from collections.abc import Callable
from dataclasses import dataclass

from tsg_agent.ask.citable import CitableRows
from tsg_agent.ask.scope import QuestionContext, QuestionScope
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.typed import TypedQuery
from tsg_agent.ask.vocabulary import Vocabulary
from tsg_agent.models import Parameters, Report
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import AnyGuide


@dataclass
class Last:
    """The last answered question of a talk, for follow-ups."""

    query: TypedQuery | None = None
    asked: AskedFields | None = None
    parameters: Parameters | None = None


@dataclass(frozen=True)
class AnswerBench:
    """What the rules need to answer. `investigate` runs the guide for a question's text and scope."""

    engine: Engine
    settings: Settings
    setting: QuestionContext
    vocabulary: Vocabulary
    ledger: CitableRows
    investigate: Callable[[str, QuestionScope], Report]
    guide: AnyGuide
