"""Outgoing notifications of an investigation's start, questions and end: written by code, redacted, escaped.

A target is a signed webhook with a versioned body, or a Slack thread: the first message names the incident, replies
report progress.
"""

import asyncio
import json
import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

import httpx

from tsg_agent.errors import TsgError
from tsg_agent.escape import one_line, slack
from tsg_agent.llm.redaction import Redactor
from tsg_agent.models import Question, Report
from tsg_agent.report.slack import slack_message
from tsg_agent.web.audit import Audit
from tsg_agent.web.config import Serving, Target
from tsg_agent.web.desk import Desk
from tsg_agent.web.metrics import Metrics
from tsg_agent.web.signed import signature

log = logging.getLogger(__name__)
SCHEMA = 1
"""Version of a webhook's body."""
TRIES, FIRST_WAIT_S = 5, 2.0
CAUSES = 3
TITLE = 200
PLACES = ("service_name", "region", "environment")


@dataclass(frozen=True)
class _Stage:
    """A notification: its name, the message for a chat, and the fields for a program."""

    name: str
    message: dict[str, Any]
    fields: dict[str, Any]


class Teller:
    """Follows investigations, and notifies the configured targets."""

    def __init__(self, desk: Desk, serving: Serving, audit: Audit, metrics: Metrics) -> None:
        self._desk, self._serving, self._audit, self._metrics = desk, serving, audit, metrics
        self._following: dict[str, asyncio.Task[None]] = {}
        desk.begun = self.follow

    def follow(self, identity: str) -> None:
        """Send notifications about an investigation until it ends."""
        self._metrics.begun.inc()
        if identity not in self._following:
            task = self._following[identity] = asyncio.create_task(self._follow(identity))
            task.add_done_callback(lambda _done: self._following.pop(identity, None))

    def owes(self, identity: str) -> bool:
        """True if a target was notified of the start, but not of the end. Blocking."""
        told = self._desk.ledger.told
        return any(
            told(identity, name, "begun") is not None and told(identity, name, "concluded") is None
            for name in self._serving.targets
        )

    async def close(self) -> None:
        """Stop; missing notifications are sent after the next start of the server."""
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, identity: str) -> None:
        service = self._desk.service
        await self._tell(identity, _begun(self._redacted(await asyncio.to_thread(self._title, identity))))
        standing = await service.settled(identity)
        if standing.questions:
            await self._tell(
                identity,
                _asked([one.model_copy(update={"text": self._redacted(one.text)}) for one in standing.questions]),
            )
        state = "finished"
        try:
            report = await service.ended(identity)
            await self._tell(identity, _concluded(report, self._shown(report)))
        except Exception as error:  # even a bug: targets that got the start must get the end
            state = "failed"
            await self._tell(identity, _failed(error))
        except asyncio.CancelledError:
            state = "cancelled"
            raise
        finally:
            self._metrics.ended.labels(state).inc()

    def _title(self, identity: str) -> str:
        return self._desk.service.store.about(identity).title

    async def _tell(self, identity: str, stage: _Stage) -> None:
        """Notify each target once, also across restarts. A failing target does not affect the others."""
        begun = await asyncio.to_thread(self._desk.ledger.of, identity)
        team = begun.team if begun else ""
        told = {name: one for name, one in self._serving.targets.items() if one.team in (None, team)}
        await asyncio.gather(*(self._tell_one(identity, name, target, stage) for name, target in told.items()))

    async def _tell_one(self, identity: str, name: str, target: Target, stage: _Stage) -> None:
        ledger = self._desk.ledger
        if await asyncio.to_thread(ledger.told, identity, name, stage.name) is not None:
            return
        thread = await asyncio.to_thread(ledger.told, identity, name, "begun") or ""
        send = self._to_slack if target.kind == "slack" else self._to_webhook
        for attempt in range(TRIES):
            try:
                said = await send(identity, target, stage, thread)
            except httpx.HTTPError as error:
                log.warning("target %s cannot be told: %s", name, type(error).__name__)
                await asyncio.sleep(FIRST_WAIT_S * 2**attempt)
                continue
            await asyncio.to_thread(ledger.tell, identity, name, stage.name, said)
            self._audit.say("tell", investigation=identity, target=name, stage=stage.name)
            self._metrics.told.labels(name, "told").inc()
            return
        self._audit.say("tell failed", investigation=identity, target=name, stage=stage.name)
        self._metrics.told.labels(name, "failed").inc()

    async def _to_webhook(self, identity: str, target: Target, stage: _Stage, _thread: str) -> str:
        about = {"schema_version": SCHEMA, "event": f"investigation.{stage.name}", "investigation": identity}
        payload = self._redacted({**about, "link": self._link(identity), **stage.fields})
        body = json.dumps(payload, ensure_ascii=False).encode()
        signed = signature(target.secret.get_secret_value(), body)
        headers = {"content-type": "application/json", "x-tsg-signature": signed}
        await _sent(target.url, body, headers)
        return ""

    async def _to_slack(self, identity: str, target: Target, stage: _Stage, thread: str) -> str:
        message = _linked(self._redacted(stage.message), self._link(identity))
        message |= {"channel": target.channel, "unfurl_links": False, "mrkdwn": True, "parse": "none"}
        body = json.dumps(message | ({"thread_ts": thread} if thread else {}), ensure_ascii=False).encode()
        secret = target.secret.get_secret_value()
        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {secret}"}
        answer = (await _sent(target.url, body, headers)).json()
        if not answer.get("ok"):
            raise httpx.RequestError(f"Slack says {answer.get('error')}")
        return thread or str(answer.get("ts", ""))

    def _link(self, identity: str) -> str:
        public = self._serving.public_url.rstrip("/")
        return f"{public}/investigations/{identity}" if public else ""

    def _shown(self, report: Report) -> Report:
        """A report with its message redacted."""
        brief = [line.model_copy(update={"items": self._redacted(line.items)}) for line in report.brief]
        names = {name: self._redacted(getattr(report.parameters, name)) for name in PLACES}
        places = report.parameters.model_copy(update=names)
        headline = self._redacted(report.headline)
        return report.model_copy(update={"headline": headline, "brief": brief, "parameters": places})

    def _redacted(self, value: Any) -> Any:
        """Redact personal data and secrets. Before escaping, which would hide e-mail addresses from the patterns."""
        redactor = Redactor(self._desk.settings.model.redact)

        def hidden(value: Any) -> Any:
            if isinstance(value, str):
                return redactor.hide(value)
            if isinstance(value, dict):
                return {key: hidden(held) for key, held in value.items()}
            return [hidden(held) for held in value] if isinstance(value, list) else value

        return hidden(value)


def _linked(message: dict[str, Any], link: str) -> dict[str, Any]:
    """A chat message with a link to the page, if the server has a public URL."""
    if not link:
        return message
    blocks = message.get("blocks")
    more = {"blocks": [*blocks, {"type": "section", "text": {"type": "mrkdwn", "text": link}}]} if blocks else {}
    return message | {"text": f"{message['text']}\n{link}"} | more


async def _sent(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
        return (await client.post(url, content=body, headers=headers)).raise_for_status()


def _begun(title: str) -> _Stage:
    title = one_line(title, TITLE)
    return _Stage("begun", {"text": f"Investigating: {slack(title)}"}, {"title": title})


def _asked(questions: list[Question]) -> _Stage:
    words = "\n".join(f"• {slack(one_line(one.text, 500))}" for one in questions)
    asked = [{"parameter": one.parameter, "text": one_line(one.text), "candidates": list(one.candidates)}
             for one in questions]  # fmt: skip
    return _Stage("asked", {"text": f"An answer is needed to go on:\n{words}"}, {"questions": asked})


def _concluded(report: Report, shown: Report) -> _Stage:
    causes = [
        {"rank": one.rank, "confidence": one.confidence.value, "subject": {k: one_line(v) for k, v in
         one.subject.items()}, "statement": one_line(one.statement), "evidence": one.evidence}
        for one in report.causes[:CAUSES]
    ]  # fmt: skip
    actions = [one_line(one.statement) for one in report.actions]
    fields = {"headline": one_line(report.headline), "causes": causes, "actions": actions}
    return _Stage("concluded", slack_message(shown), fields)


def _failed(error: Exception) -> _Stage:
    disk = isinstance(error, OSError | sqlite3.Error)
    told = error if isinstance(error, TsgError) else TsgError("The disk fails." if disk else "A defect of tsg-agent.")
    words = slack(one_line(f"No conclusion: {told.message}", 500))
    return _Stage("failed", {"text": words}, {"message": told.message, "fix": told.fix})
