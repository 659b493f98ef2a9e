"""The outermost ASGI layer: checks host, origin, size, rate and token of every request, and sets security headers."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from tsg_agent.web.audit import WHO, Who
from tsg_agent.web.config import Serving
from tsg_agent.web.metrics import Metrics
from tsg_agent.web.waiting import GONE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "tsg_token"
BODY_S = 20.0
"""Timeout of a request's body in seconds."""
SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("/healthz", "/readyz", "/login", "/assets/", "/hooks/")
"""Paths that need no token; hooks check their own."""
PROBES = ("/healthz", "/readyz")
"""Health probes use the IP address: any Host is accepted, since they reveal no data."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
MOST_ASKERS = 10_000
"""Number of requesters whose buckets are kept."""


class RefusedRequest(Exception):
    """A rejected request."""

    def __init__(self, status: int, message: str, fix: str = "", headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.fix, self.headers = status, message, fix, headers


class RequestBuckets:
    """Rate limits: a token bucket per requester, refilled within a minute."""

    def __init__(self, a_minute: int) -> None:
        self._most = float(a_minute)
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, asker: str) -> None:
        """Take one token. Raises RefusedRequest if the bucket is empty."""
        now = time.monotonic()
        left, then = self._left.pop(asker, (self._most, now))
        left = min(self._most, left + (now - then) * self._most / 60)
        self._left[asker] = (max(0.0, left - 1), now)
        if len(self._left) > MOST_ASKERS:
            del self._left[next(iter(self._left))]  # the least recent requester
        if left < 1:
            wait = max(1, round((1 - left) * 60 / self._most))
            raise RefusedRequest(429, "Too many requests.", "Ask again later.", [("retry-after", str(wait))])


class GatedApp:
    """The application behind these checks."""

    def __init__(self, app: App, serving: Serving, metrics: Metrics) -> None:
        self._app, self._serving, self._metrics = app, serving, metrics
        self._rates = RequestBuckets(serving.limits.requests_a_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no websockets
        began, status = time.perf_counter(), GONE

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message.get("headers", ()))
            await send(message)

        try:
            try:
                who, body = self._asker(scope), b""
                body = await self._body(scope, receive)
            except RefusedRequest as refused:
                await _refuse(scope, refused, sent)
                return
            if scope["path"] == "/mcp":  # MCP clients do not follow the redirect of a mount
                scope["path"] = "/mcp/"
            token = WHO.set(who)
            try:
                await self._app(scope, _again(body, receive), sent)
            finally:
                WHO.reset(token)
        except Exception:
            status = 500
            raise
        finally:
            self._metrics.answered(scope, status, time.perf_counter() - began)

    def _asker(self, scope: Scope) -> Who:
        """Identify the requester. Raises RefusedRequest."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"]
        host = headers.get("host", "").lower()
        if path not in PROBES and _name(host) not in self._serving.allowed_hosts:
            raise RefusedRequest(
                403, "This server is not known by that name.", "Name it in `hosts` of the file of --config."
            )
        if scope["method"] not in SAFE:
            _check_origin(headers, host)
        address = (scope.get("client") or ("unknown", 0))[0]
        if not self._serving.tokens:
            self._rates.take(address)
            return Who("local")
        said = _token(headers)
        found = self._serving.holder(said) if said else None
        self._rates.take(f"token {found[0]}" if found else f"address {address}")
        if found:
            scope["tsg.token"] = found[0]
            return Who(*found)
        if path.startswith(OPEN):
            return Who("nobody", "")
        raise RefusedRequest(401, "A token is needed.", "Send it as `Authorization: Bearer …`.",
                      [("www-authenticate", "Bearer")])  # fmt: skip

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        most = self._serving.limits.body_bytes
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > most:
            raise RefusedRequest(413, f"A request has at most {most:,} bytes.", "Send less.")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedRequest(408, "The request did not come whole.")
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise RefusedRequest(413, f"A request has at most {most:,} bytes.", "Send less.")
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise RefusedRequest(408, f"The request did not come within {BODY_S:.0f} s.") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that replays the body, then passes on later messages."""
    given = False

    async def received() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


def _name(host: str) -> str:
    """The Host header without its port."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.rsplit(":", 1)[0]


def _check_origin(headers: dict[str, str], host: str) -> None:
    """Raises RefusedRequest for cross-site requests, by the browser's headers."""
    origin = headers.get("origin")
    foreign = urlsplit(origin).netloc.lower() != host if origin else headers.get("sec-fetch-site", "") not in (
        "", "same-origin", "none",
    )  # fmt: skip
    if foreign:
        raise RefusedRequest(403, "Another site's page may not ask this server.")


def _token(headers: dict[str, str]) -> str:
    kind, _, said = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return said.strip()
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held else ""


def _with_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    held = list(headers)
    names = {name.lower() for name, _ in held}
    return [*held, *((n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in names)]


async def _refuse(scope: Scope, refused: RefusedRequest, send: Send) -> None:
    headers = [("content-type", "application/json"), *refused.headers]
    status, body = refused.status, json.dumps({"error": {"message": refused.message, "fix": refused.fix}}).encode()
    accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    if status == 401 and scope["method"] == "GET" and b"text/html" in accepts:
        where = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        status, body, headers = 303, b"", [("location", f"/login?next={quote(where, safe='')}")]
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
