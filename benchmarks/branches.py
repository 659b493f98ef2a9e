"""Concurrency of the nine checks and the evidence measurement, on an engine with a second of latency per query."""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from tsg_agent.graph import compile_graph
from tsg_agent.investigation import THREADS
from tsg_agent.settings import Settings
from tsg_agent.simulator.demos import demo_named, write_demo
from tsg_agent.state import Context, State
from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import known_values

DELAY_S = 1.0


class Slow:
    """An engine with added latency."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def tables(self) -> dict[str, SourceTable]:
        """The wrapped engine's tables."""
        return self._engine.tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """Run the query after a delay of one second."""
        time.sleep(DELAY_S)
        return self._engine.run(sql, parameters, timeout=timeout)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()


def measure() -> None:
    """Print the seconds from the start of the first branch to the end of the last."""
    with tempfile.TemporaryDirectory() as folder:
        incident = write_demo(demo_named("checkout"), Path(folder))
        with DuckDB(Path(folder) / "telemetry") as engine:
            first, last, total = asyncio.run(_run(engine, incident.read_text("utf-8")))
    print(f"branches: {last - first:.2f} s for nine checks and the evidence, at {DELAY_S:g} s per query")
    print(f"          {total:.2f} s for the whole graph, explaining away included")


async def _run(engine: DuckDB, text: str) -> tuple[float, float, float]:
    moments: list[float] = []
    settings = Settings()

    def note(_event: dict[str, Any]) -> None:
        moments.append(time.perf_counter())

    known = known_values(engine, settings.query_timeout)
    with ThreadPoolExecutor(THREADS) as executor:
        context = Context(Slow(engine), known, settings, executor, told=note)
        state: State = {
            "id": "benchmark",
            "text": text,
            "given": {},
            "now": "2026-03-10T15:15:00+00:00",
            "began": time.time(),
        }
        began = time.perf_counter()
        await compile_graph().ainvoke(state, context=context)
    return min(moments), max(moments), time.perf_counter() - began
