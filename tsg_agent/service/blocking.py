"""The door for programs without an event loop."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from tsg_agent.ask import Answer
from tsg_agent.extract import Given
from tsg_agent.investigation.sources import Source
from tsg_agent.llm import LanguageModel
from tsg_agent.models import Known, Report
from tsg_agent.report.forms import Form
from tsg_agent.service.calls import Checked
from tsg_agent.service.door import Events, Listed, Service, Standing
from tsg_agent.settings import Settings
from tsg_agent.store import Feedback
from tsg_agent.tools import GUIDE, AnyGuide

T = TypeVar("T")


class SyncService:
    """Service with an event loop of its own, in a thread; each method waits. Use it in `with`. For several threads."""

    def __init__(
        self,
        sources: Mapping[str, Source | str | Path],
        *,
        settings: Settings | None = None,
        model: LanguageModel | None = None,
        workers: int = 0,
        worker_setup: str = "",
        guide: AnyGuide = GUIDE,
    ) -> None:
        """See Service."""
        self._service = Service(
            sources, settings=settings, model=model, workers=workers, worker_setup=worker_setup, guide=guide
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tsg-service", daemon=True)
        self._thread.start()
        self._done(self._service.__aenter__())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs, and close the sources."""
        self._done(self._service.aclose())
        self._done(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, text: str, source: str = "", *, given: Given | None = None, now: datetime | None = None) -> str:
        """See Service.start."""
        return self._done(self._service.start(text, source, given=given, now=now))

    def resume(self, identity: str) -> None:
        """See Service.resume."""
        self._done(self._service.resume(identity))

    def recover(self) -> Listed:
        """See Service.recover."""
        return self._done(self._service.recover())

    def answer(self, identity: str, answers: Mapping[str, Any] | str) -> None:
        """See Service.answer."""
        self._done(self._service.answer(identity, answers))

    def cancel(self, identity: str) -> None:
        """See Service.cancel."""
        self._done(self._service.cancel(identity))

    def ended(self, identity: str) -> Report:
        """See Service.ended."""
        return self._done(self._service.ended(identity))

    def list(self, limit: int | None = 20) -> Listed:
        """See Service.list."""
        return self._done(self._service.list(limit))

    def get(self, identity: str) -> Standing:
        """See Service.get."""
        return self._done(self._service.get(identity))

    def events(self, identity: str, after: int = 0) -> Events:
        """See Service.events."""
        return self._done(self._service.events(identity, after))

    def report(self, identity: str, form: Form = "json") -> str:
        """See Service.report."""
        return self._done(self._service.report(identity, form))

    def section(self, identity: str, name: str) -> str:
        """See Service.section."""
        return self._done(self._service.section(identity, name))

    def ask(self, question: str, source: str = "", *, incident: str = "", given: Given | None = None) -> Answer:
        """See Service.ask."""
        return self._done(self._service.ask(question, source, incident=incident, given=given))

    def check(self, name: str, arguments: Mapping[str, Any], source: str = "") -> Checked:
        """See Service.check."""
        return self._done(self._service.check(name, arguments, source))

    def known(self, source: str = "") -> Known:
        """See Service.known."""
        return self._done(self._service.known(source))

    def feedback(self, identity: str, **said: Any) -> Feedback:
        """See Service.feedback."""
        return self._done(self._service.feedback(identity, **said))

    def export(self, identity: str, folder: Path) -> Path:
        """See Service.export."""
        return self._done(self._service.export(identity, folder))

    def _done(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
