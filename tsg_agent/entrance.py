"""Validates the input of an embedded graph, so that missing context or state is reported first."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, TypeVar

from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.runtime import Runtime, get_runtime

from tsg_agent.errors import GraphError

C = TypeVar("C")
S_contra = TypeVar("S_contra", bound=Mapping[str, Any], contravariant=True)
NEEDED = ("id", "text", "now", "began")
"""Required keys of the initial state."""


class _Node(Protocol[S_contra]):
    def __call__(self, state: S_contra, *, runtime: Runtime[Any]) -> Awaitable[Any]: ...


def opened(context: C | None) -> C:
    """The context of a node. Raises GraphError if the graph was run without one."""
    if context is None:
        raise GraphError(
            "The graph was run without its context: it has no telemetry to look at.",
            fix="`with graph_context(engine) as context: await graph.ainvoke(first_state(request), context=context)`.",
        )
    return context


def entrance(node: _Node[S_contra]) -> Runnable[S_contra, Any]:
    """Wrap the first node with validation. Raises GraphError for an incomplete initial state.

    Also if the graph is run synchronously: its branches are concurrent coroutines, and need an event loop.
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
