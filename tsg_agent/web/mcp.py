"""MCP over streamable HTTP: the tools of `tsg-agent mcp`, restricted to the requester's team."""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from tsg_agent.mcp_server import Server
from tsg_agent.service import Service
from tsg_agent.web.config import Serving
from tsg_agent.web.desk import Desk

MOST_SESSIONS = 200


class Mounted:
    """The ASGI application to mount, and its lifespan."""

    def __init__(self, desk: Desk, serving: Serving) -> None:
        self._server = Server(cast(Service, desk), "few").mcp  # a Desk has all methods that the tools call
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # the gate has checked both
        self._app: ASGIApp = self._server.streamable_http_app(
            streamable_http_path="/", transport_security=security, max_sessions=MOST_SESSIONS,
            max_request_body_size=serving.limits.body_bytes,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The application's lifespan."""
        async with self._server.session_manager.run():
            yield

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. A session is bound to the token that started it."""
        if name := scope.get("tsg.token"):
            scope["user"] = AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))
        await self._app(scope, receive, send)
