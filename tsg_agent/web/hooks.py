"""Incoming alerts. Idempotent: repeated messages of an alert are one investigation; a resolved alert sets its end."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from tsg_agent.extract import Given
from tsg_agent.extract.choices import iso
from tsg_agent.web.api import COMMON, ONE, Begun
from tsg_agent.web.audit import WHO, Who
from tsg_agent.web.config import Hook, Serving
from tsg_agent.web.desk import ENDED, Desk, Missing
from tsg_agent.web.metrics import Metrics
from tsg_agent.web.senders import Alert, read
from tsg_agent.web.signed import Fetch, Unsigned, amazons, check, check_sns, fetched


class Hooks:
    """The configured senders."""

    def __init__(self, desk: Desk, serving: Serving, metrics: Metrics, fetch: Fetch = fetched) -> None:
        """`fetch`: downloads Amazon's certificates, and confirms subscriptions."""
        self._desk, self._hooks, self._metrics, self._fetch = desk, serving.hooks, metrics, fetch
        self._turns: dict[str, asyncio.Lock] = {}
        self._certificates: dict[str, bytes] = {}

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(responses=COMMON)
        nothing = {"description": "nothing to investigate: it was heard", "model": dict[str, str]}

        @router.post(
            "/hooks/{name}", status_code=202, response_model=Begun, responses={**ONE, 200: nothing}, tags=["webhooks"]
        )
        async def hook(name: str, request: Request) -> Begun | Response:
            """A sender's message, as it sends it; signed, or with a token (docs/serve.md)."""
            held = self._hooks.get(name)
            if held is None:
                raise Missing(f"There is no hook {name[:80]!r}.", fix="Hooks are named in the file of --config.")
            outcome = "refused"
            try:
                answer = await self._heard(name, held, request)
                outcome = "heard" if isinstance(answer, Response) else "investigated"
            finally:
                self._metrics.hooks.labels(held.sender, outcome).inc()
            return answer

        return router

    async def _heard(self, name: str, hook: Hook, request: Request) -> Begun | Response:
        body = await request.body()
        if hook.sender == "cloudwatch":
            message = await check_sns(hook.topic, body, self._certificate)
            if message["Type"] == "SubscriptionConfirmation":
                await self._fetch(amazons(str(message["SubscribeURL"])))
                return _nothing("subscribed")
            if message["Type"] == "UnsubscribeConfirmation":
                return _nothing("unsubscribed")
        elif hook.signs:
            check(hook, request.headers, body)
        if hook.signs:
            WHO.set(Who(f"hook {name}", hook.team))
        elif not WHO.get().team:
            raise Unsigned("A token is needed: this sender does not sign.", fix="Send `Authorization: Bearer …`.")
        alert = read(hook.sender, body)
        if alert is None:
            return _nothing("neither the beginning nor the end of an alert")
        identity = await self._investigated(name, hook, alert)
        return Begun(id=identity, page=f"/investigations/{identity}") if identity else _nothing("over, and not known")

    async def _certificate(self, url: str) -> bytes:
        if url not in self._certificates:
            self._certificates[url] = await self._fetch(url)
        return self._certificates[url]

    async def _investigated(self, name: str, hook: Hook, alert: Alert) -> str:
        """The id of the alert's investigation, started if there is none; "" if there is nothing to investigate."""
        team, key, ledger = WHO.get().team or "", f"{name} {alert.key}", self._desk.ledger
        async with self._turns.setdefault(name, asyncio.Lock()):  # concurrent messages of an alert start one
            held = await asyncio.to_thread(ledger.alert, team, key)
            if held is not None and not _again(alert, held[1]):
                identity, ended = held
                if not alert.over or ended:
                    return identity
                identity = await self._over(identity, alert)
            elif alert.over and alert.start is None:
                return ""
            else:
                identity = await self._desk.start(alert.text, hook.source, given=alert.given(hook))
            await asyncio.to_thread(ledger.of_alert, team, key, identity, iso(_end(alert)) if alert.over else "")
            return identity

    async def _over(self, identity: str, alert: Alert) -> str:
        """Handle a resolved alert: restart an unfinished investigation with the end; else log the end."""
        try:
            state = (await self._desk.get(identity)).kept.state
        except Missing:  # deleted by retention
            return identity
        if state not in ENDED:
            return await self._desk.again(identity, Given(end_time=_end(alert)))
        append = self._desk.service.store.events.append
        await asyncio.to_thread(append, identity, "resolved", {"end_time": iso(_end(alert))})
        return identity


def _again(alert: Alert, ended: str) -> bool:
    """True if a resolved alert fires again, and this is no late duplicate of an earlier message."""
    return bool(ended) and not alert.over and (alert.start is None or alert.start > datetime.fromisoformat(ended))


def _end(alert: Alert) -> datetime:
    return alert.end or datetime.now(UTC)


def _nothing(why: str) -> Response:
    return JSONResponse({"nothing": why}, 200)
