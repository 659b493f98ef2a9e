"""The script with the client of mcp 1.x, in an environment of its own: the server as arguments and standard input."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp_script import ANSWER, Said, played


class OldClient:
    """See mcp_script.Client."""

    def __init__(self, session: ClientSession, asked: list[list[str]]) -> None:
        self._session, self.asked = session, asked

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self._session.list_tools()).tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> Said:
        told = list[float]()

        async def progress(done: float, _total: float | None, _message: str | None) -> None:
            told.append(done)

        said = await self._session.call_tool(tool, arguments, progress_callback=progress)
        return Said("\n".join(one.text for one in said.content), said.isError, tuple(told))

    async def read(self, address: str) -> str:
        return (await self._session.read_resource(address)).contents[0].text


@asynccontextmanager
async def client(environment: dict[str, str], command: str, *arguments: str) -> AsyncIterator[OldClient]:
    asked = list[list[str]]()

    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.requestedSchema["properties"]["region"]["enum"])
        return types.ElicitResult(action="accept", content=ANSWER)

    server = StdioServerParameters(command=command, args=list(arguments), env=environment)
    async with (
        stdio_client(server) as (reading, writing),
        ClientSession(reading, writing, elicitation_callback=elicit) as session,
    ):
        await session.initialize()
        yield OldClient(session, asked)


if __name__ == "__main__":
    played(client(json.load(sys.stdin), *sys.argv[1:]))
