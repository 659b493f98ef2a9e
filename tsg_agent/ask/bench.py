"""What answers by rules are made with, and what the question before asked."""

from collections.abc import Callable
from dataclasses import dataclass

from tsg_agent.ask.citable import Ledger
from tsg_agent.ask.intent import Asked
from tsg_agent.ask.scope import Scope, Setting
from tsg_agent.ask.typed import TypedQuery
from tsg_agent.ask.vocabulary import Vocabulary
from tsg_agent.models import Parameters, Report
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import AnyGuide


@dataclass
class Last:
    """What the question before asked, for one that goes on with it."""

    query: TypedQuery | None = None
    asked: Asked | None = None
    parameters: Parameters | None = None


@dataclass(frozen=True)
class Bench:
    """What answers are made with. `investigate`: `guide` for a question's scope."""

    engine: Engine
    settings: Settings
    setting: Setting
    vocabulary: Vocabulary
    ledger: Ledger
    investigate: Callable[[str, Scope], Report]
    guide: AnyGuide
