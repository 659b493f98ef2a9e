"""What is asked of a source beside investigations: a question, a single check, the values that it knows.

Done in this process or in a worker: an answer is the same.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tsg_agent.ask import Answer, answer
from tsg_agent.errors import ParameterError
from tsg_agent.extract import Given
from tsg_agent.investigation.sources import Sources
from tsg_agent.models import Known, Model
from tsg_agent.settings import Settings
from tsg_agent.telemetry.profile import known_values
from tsg_agent.tools import GUIDE, AnyGuide, get_tools


class Checked(Model):
    """What a check said: words for a model, and its Finding as plain JSON; none where it was refused, with why."""

    text: str
    finding: dict[str, Any] | None = None


class Calls:
    """Over these sources. For several threads; each call takes as long as its queries."""

    def __init__(self, sources: Sources, settings: Settings, guide: AnyGuide = GUIDE) -> None:
        self._sources, self._settings, self._guide = sources, settings, guide
        self._checks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def done(self, what: str, source: str, arguments: Mapping[str, Any]) -> Model:
        """The result. Raises TsgError."""
        does: dict[str, Callable[..., Model]] = {"ask": self._ask, "check": self._check, "known": self._known}
        return does[what](source, **arguments)

    def _ask(self, source: str, question: str, incident: str, given: Given) -> Answer:
        engine = self._sources.engine(source)
        return answer(question, engine, self._settings, incident=incident, given=given, guide=self._guide)

    def _known(self, source: str) -> Known:
        return known_values(self._sources.engine(source), self._settings.query_timeout)

    def _check(self, source: str, name: str, arguments: Mapping[str, Any]) -> Checked:
        tools = self._tools(source)
        if name not in tools:
            raise ParameterError(f"There is no check {name!r}.", fix=f"There are {', '.join(tools)}.")
        message = tools[name].invoke({"type": "tool_call", "id": "1", "name": name, "args": dict(arguments)})
        return Checked(text=message.content, finding=None if message.status == "error" else message.artifact)

    def _tools(self, source: str) -> dict[str, Any]:
        """A source's checks. The values that it knows are read once."""
        with self._lock:
            if source not in self._checks:
                engine = self._sources.engine(source)
                made = get_tools(engine, self._settings, guide=self._guide, checks_only=True)
                self._checks[source] = {tool.name: tool for tool in made}
            return self._checks[source]
