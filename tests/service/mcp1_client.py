"""The script with the client of mcp 1.x, in an environment of its own: the server as arguments and standard input."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp_script import ANSWER, OverSdk, played


class OldClient(OverSdk):
    """The session of mcp 1.x."""

    failed = "isError"


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
