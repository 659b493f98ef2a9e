"""What is done over MCP with each client, as data; each has an adapter. Needs no package: old clients run it too."""

import asyncio
import json
from typing import Any, NamedTuple, Protocol

OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."
FEW = ["run_guide", "ask", "list_investigations", "get_report"]
REGIONS = ["us-east", "us-west", "eu-central"]
ANSWER = {"region": REGIONS[0]}
ID = "{id}"
"""Stands for the id of the investigation that the script has run."""


class Step(NamedTuple):
    """A call of a tool, or a resource that is read; what is said to it, and what else happens meanwhile."""

    name: str
    """Of the tool; of a resource its address."""
    arguments: dict[str, Any] | None
    """None: it is a resource."""
    says: str
    refused: bool = False
    asks: tuple[list[str], ...] = ()
    """The candidates of each question."""
    told: tuple[float, ...] = ()
    """The progress, where the client hears of it."""


SCRIPT = (
    Step("run_guide", {"incident": OPEN}, "[C1]", asks=(REGIONS,), told=tuple(range(1, 11))),
    Step("list_investigations", {}, "finished"),
    Step("get_report", {"investigation": ID, "section": "causes"}, '"rank": 1'),
    Step(f"tsg://investigations/{ID}/causes", None, '"rank": 1'),
    Step("tsg://guide", None, "Step 10"),
    Step("ask", {"question": "which versions failed?", "incident": f"{OPEN} Region {REGIONS[0]}."}, "3.15.0"),
    Step("run_guide", {"incident": OPEN, "colour": "red"}, "colour", refused=True),
    Step("run_guide", {"incident": OPEN, "region": "us-eats"}, 'Known: "us-east"', refused=True),
    Step("get_report", {"investigation": "../../etc/passwd"}, "no investigation's id", refused=True),
)


class Said(NamedTuple):
    """What came of a call; `told`: the progress, None where the client does not hear of it."""

    text: str
    refused: bool
    told: tuple[float, ...] | None


class OverSdk:
    """The official SDK's session or client. `failed`: what its version calls the mark of a call that was refused."""

    failed = "is_error"

    def __init__(self, connected: Any, asked: list[list[str]]) -> None:
        self._connected, self.asked = connected, asked

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self._connected.list_tools()).tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> Said:
        told = list[float]()

        async def progress(done: float, _total: float | None, _message: str | None) -> None:
            told.append(done)

        said = await self._connected.call_tool(tool, arguments, progress_callback=progress)
        return Said("\n".join(one.text for one in said.content), getattr(said, self.failed), tuple(told))

    async def read(self, address: str) -> str:
        return str((await self._connected.read_resource(address)).contents[0].text)


class Client(Protocol):
    """A connected client, whose person gives ANSWER; `asked` has the candidates of each question."""

    asked: list[list[str]]

    async def tools(self) -> list[str]:
        """The tools' names."""
        ...

    async def call(self, tool: str, arguments: dict[str, Any]) -> Said:
        """What a tool says."""
        ...

    async def read(self, address: str) -> str:
        """What a resource says."""
        ...


async def play(client: Client) -> None:
    """Run the script, and see that all is as it stands there."""
    assert await client.tools() == FEW
    identity = ""
    for step in SCRIPT:
        client.asked.clear()
        if step.arguments is None:
            said = Said(await client.read(step.name.replace(ID, identity)), refused=False, told=None)
        else:
            filled = {name: identity if value == ID else value for name, value in step.arguments.items()}
            said = await client.call(step.name, filled)
        assert (said.refused, step.says in said.text) == (step.refused, True), (step, said)
        assert tuple(client.asked) == step.asks, (step, client.asked)
        assert said.told in (None, step.told), (step, said.told)
        if step.name == "list_investigations":
            listed = json.loads(said.text.split(">", 1)[1].rsplit("<", 1)[0])
            (identity,) = [one["id"] for one in listed if one["state"] == "finished"]


def played(client: Any) -> None:
    """As play, for a client that is yet to be connected: an asynchronous context manager."""

    async def main() -> None:
        async with client as connected:
            await play(connected)

    asyncio.run(main())
