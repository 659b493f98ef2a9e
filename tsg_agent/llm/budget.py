"""An investigation's budget for a model, and the usage of each node."""

import threading
import time
from collections.abc import Callable, Iterable

from tsg_agent.errors import BudgetError
from tsg_agent.llm.client import estimated
from tsg_agent.llm.protocol import ModelAnswer, ModelMessage
from tsg_agent.models import NodeUsage
from tsg_agent.settings import ModelSettings

LEAST_SECONDS = 0.001
"""Fewest remaining seconds for a call."""


class Budget:
    """Counts calls (including retries), tokens, seconds and money. Thread-safe."""

    def __init__(
        self,
        settings: ModelSettings,
        spent: Iterable[NodeUsage] = (),
        keep: Callable[[list[NodeUsage]], None] = lambda _nodes: None,
    ) -> None:
        """`spent`: usage before the investigation was resumed; `keep` is called whenever the usage changes."""
        self._settings, self._keep = settings, keep
        self._nodes: dict[str, NodeUsage] = {usage.node: usage for usage in spent}
        self._lock = threading.Lock()
        self._waited = 0.0

    @property
    def nodes(self) -> list[NodeUsage]:
        """Each node's usage, in the order of their first calls."""
        with self._lock:
            return list(self._nodes.values())

    @property
    def left(self) -> float:
        """Remaining seconds for calls and the waits between them."""
        with self._lock:
            return self._settings.maximum_seconds - self._seconds()

    def wait(self, seconds: float) -> float:
        """Reserve a wait before the next retry, capped by the budget; returns its seconds."""
        seconds = max(0.0, min(seconds, self.left))
        with self._lock:
            self._waited += seconds
        return seconds

    def begin(self, node: str, messages: Iterable[ModelMessage]) -> float:
        """Count a call before it is made; returns its start time. Raises BudgetError if the budget is exhausted."""
        ahead = estimated("".join(message.content for message in messages))
        with self._lock:
            self._check(ahead)
            held = self._nodes.get(node, NodeUsage(node=node))
            self._nodes[node] = held.model_copy(update={"calls": held.calls + 1})
            self._keep(list(self._nodes.values()))
        return time.perf_counter()

    def end(self, node: str, began: float, answer: ModelAnswer | None) -> None:
        """Count a call's usage; `answer` is None if it failed."""
        took = (time.perf_counter() - began) * 1000
        read, wrote = (answer.input_tokens, answer.output_tokens) if answer else (0, 0)
        with self._lock:
            held = self._nodes[node]
            cost = self._cost(held.input_tokens + read, held.output_tokens + wrote)
            self._nodes[node] = held.model_copy(
                update={
                    "input_tokens": held.input_tokens + read,
                    "output_tokens": held.output_tokens + wrote,
                    "milliseconds": round(held.milliseconds + took, 1),
                    "cost": cost,
                }
            )
            self._keep(list(self._nodes.values()))

    def _cost(self, read: int, wrote: int) -> float | None:
        settings = self._settings
        if settings.input_price is None or settings.output_price is None:
            return None
        return (read * settings.input_price + wrote * settings.output_price) / 1_000_000

    def _seconds(self) -> float:
        return self._waited + sum(usage.milliseconds for usage in self._nodes.values()) / 1000

    def _check(self, ahead: int) -> None:
        limits, spent = self._settings, list(self._nodes.values())
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in spent)
        cost = sum(usage.cost or 0.0 for usage in spent) + (self._cost(ahead, 0) or 0.0)
        over = [
            ("calls", sum(usage.calls for usage in spent) + 1, limits.maximum_calls),
            ("tokens", tokens + ahead, limits.maximum_tokens),
            ("seconds", self._seconds() + LEAST_SECONDS, limits.maximum_seconds),
            ("cost", cost, float("inf") if limits.maximum_cost is None else limits.maximum_cost),
        ]
        for what, wanted, limit in over:
            if wanted > limit:
                raise BudgetError(
                    f"The model's budget is used up: {limit:g} {what}.",
                    kind="over budget",
                    fix=f"Raise TSG_MODEL__MAXIMUM_{what.upper()}.",
                )
