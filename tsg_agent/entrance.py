"""How the graph is entered by those who embed it: what is missing is said, before anything fails for want of it."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, TypeVar

from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.runtime import Runtime, get_runtime

from tsg_agent.errors import GraphError

C = TypeVar("C")
S_contra = TypeVar("S_contra", bound=Mapping[str, Any], contravariant=True)
NEEDED = ("id", "text", "now", "began")
"""What a state begins with."""


class _Node(Protocol[S_contra]):
    def __call__(self, state: S_contra, *, runtime: Runtime[Any]) -> Awaitable[Any]: ...


def opened(context: C | None) -> C:
    """The context that a node works with. Raises GraphError where the graph was run without one."""
    if context is None:
        raise GraphError(
            "The graph was run without its context: it has no telemetry to look at.",
            fix="`with graph_context(engine) as context: await graph.ainvoke(first_state(request), context=context)`.",
        )
    return context


def entrance(node: _Node[S_contra]) -> Runnable[S_contra, Any]:
    """The first node, which also says what is missing. Raises GraphError for a state that cannot begin.

    It does so where the graph is run synchronously as well: its branches wait side by side in an event loop.
    """

    def refused(_state: S_contra) -> Any:
        raise GraphError(
            "The graph runs asynchronously: its checks wait side by side.",
            fix="`await graph.ainvoke(…)`; from code without an event loop, `investigate(request)`.",
        )

    async def entered(state: S_contra) -> Any:
        missing = [name for name in NEEDED if name not in state]
        if missing:
            raise GraphError(
                f"The graph's state has no {', '.join(missing)}.", fix="Begin with `first_state(Request(text=…, …))`."
            )
        return await node(state, runtime=get_runtime())

    return RunnableLambda(refused, entered, name="read")
