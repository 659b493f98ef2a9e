"""A copilot over MCP: it starts the server, answers what is asked, and reads the report in parts.

pip install 'tsg-agent[mcp]'
python examples/mcp_copilot.py incident.md telemetry/ region=us-east
"""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import ElicitResult


async def main(incident: str, telemetry: str, *answers: str) -> None:
    """Investigate, and print the conclusion and the actions."""
    known = dict(answer.split("=", 1) for answer in answers)

    async def ask(_context: Any, asked: Any) -> ElicitResult:
        print(asked.message)
        return ElicitResult(
            action="accept", content={name: known[name] for name in asked.requested_schema["properties"]}
        )

    async def progress(done: float, total: float | None, message: str | None) -> None:
        print(f"{done:g}/{total:g} {message}")

    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tsg_agent", "mcp", "--source", f"shop={telemetry}"], env=dict(os.environ)
    )
    async with Client(server, elicitation_callback=ask) as client:
        text = Path(incident).read_text("utf-8")
        said = await client.call_tool("run_guide", {"incident": text}, progress_callback=progress)
        print(said.content[0].text)
        place = re.findall(r"tsg://\S+/causes", said.content[0].text)[-1]
        actions = await client.read_resource(place.replace("/causes", "/actions"))
        print(actions.contents[0].text)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
