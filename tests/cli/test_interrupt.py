"""Ctrl-C: prompt, with a note and exit code 130, while modules are loaded and while queries run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.conftest import Place
from tests.cli.running import ROOT, tsg
from tsg_agent import Given, Request, ainvestigate
from tsg_agent.telemetry.duckdb import DuckDB

LOADING = """
import os, signal, sys, threading
from tsg_agent.cli import main
threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGINT)).start()
main()
"""
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = -1"
GIVEN = Given.model_validate(
    {
        "region": "us-east",
        "service_name": "shop.gateway",
        "environment": "prod",
        "incident_start": "2026-03-10T14:00:00Z",
        "end_time": "2026-03-10T15:15:00Z",
    }
)


@pytest.mark.parametrize("seconds", ["0.1", "0.2", "0.4"])
def test_while_modules_are_loaded(seconds: str, shard: Place, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADING, seconds, "run", str(shard.incident), "-t", shard.telemetry]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("Interrupted") and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_run_that_is_interrupted_says_how_to_go_on_and_does(shard: Place, tmp_path: Path) -> None:
    """At once, before any checkpoint need be there."""
    command = [sys.executable, "-m", "tsg_agent", "run", str(shard.incident), "-t", shard.telemetry]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as begun:
        last = time.monotonic() + 60
        while not list(tmp_path.glob("*/request.json")) and time.monotonic() < last:
            time.sleep(0.005)
        begun.send_signal(signal.SIGINT)
        out, err = begun.communicate(timeout=60)
    (identity,) = [path.parent.name for path in tmp_path.glob("*/request.json")]
    assert (begun.returncode, out) == (130, "")
    # Python's own loop may say before it what a callback met that was cancelled in its midst.
    assert err.endswith(f"Interrupted. Go on with: tsg-agent resume {identity}\n")
    again = tsg("resume", identity, "--json", state=tmp_path)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert (report["id"], report["causes"][0]["subject"]) == (identity, {"shard_id": "shard-07"})


class Slow(DuckDB):
    """Every query takes for ever, until it is cancelled."""

    begun = 0

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        self.begun += 1
        return super().run(ENDLESS, {}, timeout=timeout)


class SlowAfterReading(Slow):
    """Only the checks' queries are slow."""

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        return (
            super().run(sql, parameters, timeout=timeout)
            if parameters
            else DuckDB.run(self, sql, parameters, timeout=timeout)
        )


@pytest.mark.parametrize("kind", [Slow, SlowAfterReading])
def test_queries_are_cancelled_in_the_engine_and_it_stays_open(kind: type[Slow], shard: Place) -> None:
    async def interrupted() -> float:
        request = Request(text="", telemetry=shard.telemetry, given=GIVEN)
        with kind(shard.telemetry) as engine:
            task = asyncio.create_task(ainvestigate(request, engine=engine))
            while not engine.begun and not task.done():
                await asyncio.sleep(0.01)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            seconds = time.monotonic() - began
            assert DuckDB.run(engine, "SELECT 1 AS one", {}, timeout=5).num_rows == 1
            assert not engine._at_work
        return seconds

    assert asyncio.run(interrupted()) < 10  # the limit of a query is 60 s


def test_only_the_threads_that_were_named_are_cancelled(shard: Place) -> None:
    with DuckDB(shard.telemetry) as engine:
        engine.cancel([1])
        sql = "SELECT count(*) AS n FROM range(30000000) WHERE range % 7 = 3"

        async def counted() -> pa.Table:
            query = asyncio.create_task(asyncio.to_thread(engine.run, sql, {}, timeout=30))
            while not query.done():
                engine.cancel([1])
                await asyncio.sleep(0.005)
            return query.result()

        assert asyncio.run(counted()).to_pylist() == [{"n": 4285714}]
