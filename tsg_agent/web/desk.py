"""The Service restricted to one team: it sees and controls only the investigations that it started.

Every interface of the server uses it, so that authorization and audit are in one place.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tsg_agent.errors import RecordError, TsgError
from tsg_agent.events import Event
from tsg_agent.extract import Given
from tsg_agent.investigation.recorder import Recorder, written
from tsg_agent.models import Report
from tsg_agent.report.forms import Form
from tsg_agent.service.door import Events, Listed, Service, Standing
from tsg_agent.sqlite_files import connected, owned
from tsg_agent.store import Feedback, Request
from tsg_agent.tracing import about
from tsg_agent.web.audit import WHO, Audit
from tsg_agent.web.config import ServerLimits

if TYPE_CHECKING:
    from tsg_agent.ask import Answer

ENDED = ("finished", "failed", "cancelled", "unreadable")
QUESTION = "question"
"""The event's kind of a question about an investigation, with its answer."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS begun (investigation TEXT PRIMARY KEY, team TEXT NOT NULL, source TEXT NOT NULL,"
    " who TEXT NOT NULL, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
    "CREATE TABLE IF NOT EXISTS alerts (team TEXT NOT NULL, key TEXT NOT NULL, investigation TEXT NOT NULL,"
    " ended TEXT NOT NULL, PRIMARY KEY (team, key))",
    "CREATE TABLE IF NOT EXISTS told (investigation TEXT NOT NULL, target TEXT NOT NULL, stage TEXT NOT NULL,"
    " thread TEXT NOT NULL DEFAULT '', PRIMARY KEY (investigation, target, stage))",
)


class Missing(RecordError):
    """The investigation does not exist, or belongs to another team."""


class Busy(TsgError):
    """The server is at its load limit."""


@dataclass(frozen=True)
class Ownership:
    """The owner of an investigation."""

    team: str
    source: str
    who: str


class DeskLedger:
    """Owners of investigations, their alerts, and sent notifications: one SQLite file beside the investigations."""

    def __init__(self, folder: Path) -> None:
        self._file = owned(folder.expanduser() / "serve.sqlite")
        with connected(self._file) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for table in _TABLES:
                connection.execute(table)

    def add(self, identity: str, begun: Ownership) -> None:
        """Store the owner."""
        self._run("INSERT INTO begun (investigation, team, source, who) VALUES (?, ?, ?, ?)", identity,
                  begun.team, begun.source, begun.who)  # fmt: skip

    def of(self, identity: str) -> Ownership | None:
        """The owner; None if it was not started through the server."""
        rows = self._run("SELECT team, source, who FROM begun WHERE investigation = ?", identity)
        return Ownership(*rows[0]) if rows else None

    def ids(self, team: str | None, limit: int) -> list[str]:
        """Ids of a team's investigations, newest first; of all teams for None."""
        rows = self._run(
            "SELECT investigation FROM begun WHERE ?1 IS NULL OR team = ?1 ORDER BY at DESC LIMIT ?2", team, limit
        )
        return [identity for (identity,) in rows]

    def alert(self, team: str, key: str) -> tuple[str, str] | None:
        """The investigation of an alert, and the alert's end, "" if it is ongoing; None for an unknown alert."""
        rows = self._run("SELECT investigation, ended FROM alerts WHERE team = ? AND key = ?", team, key)
        return rows[0] if rows else None

    def of_alert(self, team: str, key: str, identity: str, ended: str) -> None:
        """Assign an investigation to an alert."""
        self._run("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?)", team, key, identity, ended)

    def told(self, identity: str, target: str, stage: str) -> str | None:
        """The thread in which a target was notified of a stage; None if it was not."""
        rows = self._run(
            "SELECT thread FROM told WHERE investigation = ? AND target = ? AND stage = ?", identity, target, stage
        )
        return rows[0][0] if rows else None

    def tell(self, identity: str, target: str, stage: str, thread: str) -> None:
        """Record a notification."""
        self._run("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", identity, target, stage, thread)

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with connected(self._file) as connection:
            return connection.execute(sql, values).fetchall()


class Desk:
    """See the module. Has Service's methods; they raise Missing for investigations of other teams."""

    def __init__(self, service: Service, audit: Audit, limits: ServerLimits) -> None:
        self.service, self.audit, self.limits = service, audit, limits
        self.settings, self.sources, self.guide = service.settings, service.sources, service.guide
        self.ledger = DeskLedger(service.settings.state_dir)
        self.begun: Callable[[str], None] = lambda _id: None
        """Called with the id of each investigation that is started or resumed."""
        self.readers, self._questions = 0, 0
        self._known_open: set[str] = set()

    async def __aenter__(self) -> "Desk":
        """For interfaces that enter a Service; it is entered by its creator."""
        return self

    async def __aexit__(self, *_ended: object) -> None:
        pass

    async def start(
        self, text: str, source: str = "", *, given: Given | None = None, now: datetime | None = None
    ) -> str:
        """See Service.start. Raises Busy if too many are open."""
        self.sources.called(source)
        await self._check_open()
        identity = await self.service.start(text, source, given=given, now=now)
        self._known_open.add(identity)
        who = WHO.get()
        source = source or self.sources.names[0]
        await asyncio.to_thread(self.ledger.add, identity, Ownership(who.team or "", source, who.name))
        self.audit.say("start", investigation=identity, source=source, characters=len(text))
        self.begun(identity)
        return identity

    async def again(self, identity: str, given: Given) -> str:
        """Start a new investigation of the same text with corrected parameters. A running one is cancelled."""
        request, begun = await self.request(identity), await asyncio.to_thread(self.ledger.of, identity)
        if (await self.service.get(identity)).kept.state not in ENDED:
            await self.cancel(identity)
        merged = Given.model_validate({**request.given.model_dump(), **given.model_dump(exclude_unset=True)})
        return await self.start(request.text, begun.source if begun else "", given=merged, now=request.now)

    async def answer(self, identity: str, answers: Mapping[str, Any] | str) -> None:
        """See Service.answer."""
        await self.check(identity)
        self.audit.say("answer", investigation=identity, answers=answers)
        await self.service.answer(identity, answers)
        self.begun(identity)

    async def cancel(self, identity: str) -> None:
        """See Service.cancel."""
        await self.check(identity)
        self.audit.say("cancel", investigation=identity)
        await self.service.cancel(identity)

    async def resume(self, identity: str) -> None:
        """See Service.resume."""
        await self.check(identity)
        self.audit.say("resume", investigation=identity)
        await self.service.resume(identity)
        self.begun(identity)

    async def list(self, limit: int = 20) -> Listed:
        """The team's, newest first."""
        team = WHO.get().team
        if team is None:
            return await self.service.list(limit)

        def listed() -> Listed:
            store, found = self.service.store, []
            states = store.events.states()
            for identity in self.ledger.ids(team, limit):
                try:
                    found.append(store.about(identity, states))
                except OSError:
                    continue  # deleted by retention
            return found

        return await asyncio.to_thread(listed)

    async def get(self, identity: str) -> Standing:
        """See Service.get."""
        await self.check(identity)
        return await self.service.get(identity)

    async def settled(self, identity: str) -> Standing:
        """See Service.settled."""
        await self.check(identity)
        return await self.service.settled(identity)

    async def ended(self, identity: str) -> Report:
        """See Service.ended."""
        await self.check(identity)
        return await self.service.ended(identity)

    async def request(self, identity: str) -> Request:
        """What was asked."""
        await self.check(identity)
        return await asyncio.to_thread(self.service.store.recall, identity)

    async def events(self, identity: str, after: int = 0) -> Events:
        """See Service.events."""
        await self.check(identity)
        return await self.service.events(identity, after)

    async def follow(self, identity: str, after: int = 0) -> AsyncIterator[Event]:
        """See Service.follow."""
        async for news in self.news(identity, after):
            for event in news:
                yield event

    async def news(self, identity: str, after: int = 0) -> AsyncIterator[Events]:
        """See Service.news; counts the readers."""
        await self.check(identity)
        self.readers += 1
        try:
            async for news in self.service.news(identity, after):
                yield news
        finally:
            self.readers -= 1

    async def report(self, identity: str, form: Form = "json") -> str:
        """See Service.report."""
        await self.check(identity)
        self.audit.say("report", investigation=identity, form=form)
        return await self.service.report(identity, form)

    async def section(self, identity: str, name: str) -> str:
        """See Service.section."""
        await self.check(identity)
        self.audit.say("report", investigation=identity, form=name)
        return await self.service.section(identity, name)

    async def ask(self, question: str, source: str = "", *, incident: str = "", given: Given | None = None) -> "Answer":
        """See Service.ask. Raises Busy for too many concurrent questions."""
        if self._questions >= self.limits.questions_at_once:
            raise Busy("Too many questions are being answered.", fix="Ask again in a few seconds.")
        self._questions += 1
        try:
            with about(f"question-{uuid4().hex[:12]}") as asked:
                self.audit.say("ask", investigation=asked, source=source, question=question)
                return await self.service.ask(question, source, incident=incident, given=given)
        finally:
            self._questions -= 1

    async def follow_up(self, identity: str, question: str) -> "Answer":
        """Ask about an investigation's incident; question and answer go into the investigation's event log."""
        request, begun = await self.request(identity), await asyncio.to_thread(self.ledger.of, identity)
        given = request.given
        try:
            held = (await asyncio.to_thread(self.service.store.report, identity)).parameters
            given = Given.model_validate({**given.model_dump(), **held.model_dump(include=set(_PLACES))})
        except RecordError:
            pass  # not concluded: only the text gives the context
        said = await self.ask(question, begun.source if begun else "", incident=request.text, given=given)
        record = Recorder(self.service.store.events, identity, redact=self.settings.model.redact)
        record(QUESTION, question=question, answer=said.text, evidence=said.evidence, notes=said.notes)
        await written()
        return said

    async def feedback(self, identity: str, **said: Any) -> Feedback:
        """See Service.feedback."""
        await self.check(identity)
        self.audit.say("feedback", investigation=identity, **said)
        return await self.service.feedback(identity, **said)

    async def judged(self, identity: str) -> Feedback | None:
        """A person's feedback on the conclusion; None without."""
        await self.check(identity)
        return await asyncio.to_thread(self.service.store.feedback, identity)

    async def check(self, identity: str) -> None:
        """Raises Missing if the investigation does not exist, or belongs to another team."""
        if not await asyncio.to_thread(self._may_read, identity):
            raise Missing(f"There is no investigation {identity[:80]!r}.", fix="The list shows those of your team.")

    def _may_read(self, identity: str) -> bool:
        who = WHO.get()
        if who.team is not None:
            begun = self.ledger.of(identity)
            if begun is None or begun.team != who.team:
                return False
        try:
            self.service.store.about(identity)
        except (RecordError, OSError, ValueError):
            return False
        return True

    async def _check_open(self) -> None:
        limit = self.limits.open_investigations
        if len(self._known_open) < limit:
            return
        for identity in tuple(self._known_open):
            try:
                state = (await self.service.get(identity)).kept.state
            except (TsgError, OSError, sqlite3.Error):
                state = "unreadable"
            if state in (*ENDED, "interrupted"):
                self._known_open.discard(identity)
        if len(self._known_open) >= limit:
            raise Busy(f"{limit} investigations are open.", fix="Wait until one has ended, answer or cancel one.")


_PLACES = ("region", "service_name", "environment", "start_time", "end_time", "incident_start", "threshold")
