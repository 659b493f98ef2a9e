"""A client of mcp 1.x, for an environment of its own: runs one investigation over stdio, prints what it got as JSON."""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client


async def main(incident: str, command: str, *arguments: str) -> None:
    asked, told = list[Any](), list[float]()

    async def elicit(_context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.requestedSchema["properties"]["region"]["enum"])
        return types.ElicitResult(action="accept", content={"region": "us-east"})

    async def progress(done: float, _total: float | None, _message: str | None) -> None:
        told.append(done)

    server = StdioServerParameters(command=command, args=list(arguments), env=dict(json.load(sys.stdin)))
    async with (
        stdio_client(server) as (reading, writing),
        ClientSession(reading, writing, elicitation_callback=elicit) as session,
    ):
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        ran = await session.call_tool("run_guide", {"incident": incident}, progress_callback=progress)
        listed = await session.call_tool("list_investigations", {})
        refused = await session.call_tool("run_guide", {"incident": incident, "colour": "red"})
        identity = json.loads(listed.content[0].text.split(">", 1)[1].rsplit("<", 1)[0])[0]["id"]
        causes = await session.read_resource(f"tsg://investigations/{identity}/causes")
    print(
        json.dumps(
            {
                "tools": tools,
                "asked": asked,
                "told": told,
                "error": ran.isError,
                "said": ran.content[0].text,
                "refused": refused.isError and refused.content[0].text,
                "causes": causes.contents[0].text,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
