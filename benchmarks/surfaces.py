"""The server under load: 50 investigations queued, 200 readers of events of which 20 never read, and health checks.

Needs the extra `serve`. The server runs in its own process; this one is the client.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tsg_agent.simulator.demos import demo_named, write_demo

QUEUED, READERS, SILENT = 50, 200, 20
IDLE_S = 10
CHECK_S = 0.05
PROBE = """
import json, select, sys, time, urllib.request
took = []
while not select.select([sys.stdin], [], [], CHECK_S)[0]:
    began = time.perf_counter()
    assert urllib.request.urlopen(sys.argv[1], timeout=60).read() == b"ok"
    took.append(time.perf_counter() - began)
print(json.dumps(took))
""".replace("CHECK_S", str(CHECK_S))
"""Checks the server's health until standard input is closed, in its own process, which readers do not slow down."""


def measure() -> None:
    """Print the table."""
    if find_spec("fastapi") is None:
        print("surfaces: not measured, the extra `serve` is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measured(Path(folder)))
    print(f"\nServer under load: {QUEUED} investigations, {READERS} readers of events ({SILENT} never read)\n")
    for name, value in figures:
        print(f"  {name:<58} {value:>12}")


async def _measured(folder: Path) -> list[tuple[str, str]]:
    demo = demo_named("checkout")
    small = demo.model_copy(update={"scenario": demo.scenario.model_copy(update={"requests_per_minute": 60})})
    incident = write_demo(small, folder / "checkout")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "serve.toml"
    config.write_text("[limits]\nrequests_a_minute = 1000000\n", "utf-8")
    command = [sys.executable, "-m", "tsg_agent", "serve", f"shop={folder / 'checkout' / 'telemetry'}"]
    command += ["--port", str(port), "--config", str(config)]
    state = {**os.environ, "TSG_STATE_DIR": str(folder / "state")}
    server = subprocess.Popen(command, env=state, stderr=subprocess.DEVNULL)
    try:
        return await _loaded(port, server.pid, incident.read_text("utf-8"))
    finally:
        server.kill()
        server.wait()


async def _loaded(port: int, pid: int, text: str) -> list[tuple[str, str]]:
    while await _answer(port, "GET", "/readyz") != 200:
        await asyncio.sleep(0.1)
    ids = [await _begin(port, text)]
    await _read(port, ids[0], [], [])  # warm up: imports of the first request are done
    async with _probed(port) as idle:
        await asyncio.sleep(IDLE_S)
    memory, spent = _megabytes(pid), _processor(pid)
    began = time.monotonic()
    ids = [await _begin(port, text) for _ in range(QUEUED)]
    queued = time.monotonic() - began
    late: list[float] = []
    wrong: list[str] = []
    silent = [await _connected(port, ids[number % QUEUED]) for number in range(SILENT)]
    reading = [
        asyncio.create_task(_read(port, ids[number % QUEUED], late, wrong)) for number in range(READERS - SILENT)
    ]
    async with _probed(port) as loaded:
        await asyncio.gather(*reading)
    took, spent = time.monotonic() - began, _processor(pid) - spent
    most = _megabytes(pid, "VmHWM")
    for _, writer in silent:
        writer.close()
    return [
        ("health check p95, idle (ms)", f"{_p95(idle):.1f}"),
        ("health check p95, loaded (ms)", f"{_p95(loaded):.1f}"),
        ("  times the idle server's (bound: 3)", f"{_p95(loaded) / _p95(idle):.1f}"),
        ("health check, longest, loaded (ms)", f"{max(loaded) * 1000:.0f}"),
        ("event, from the log to a reader, median (ms)", f"{statistics.median(late) * 1000:.0f}"),
        ("event, from the log to a reader, p95 (ms)", f"{_p95(late):.0f}"),
        ("readers that missed an event, or got one twice or late", str(len(wrong))),
        ("to queue all (s)", f"{queued:.1f}"),
        ("until all have concluded (s)", f"{took:.1f}"),
        ("processor time of the server, without its workers (s)", f"{spent:.1f}"),
        ("memory before (MB)", f"{memory:.0f}"),
        ("memory, most (MB)", f"{most:.0f}"),
    ]


async def _begin(port: int, text: str) -> str:
    body = json.dumps({"text": text}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(port, "POST", "/api/v1/investigations", body))
    said = await reader.read()
    writer.close()
    return str(json.loads(said.split(b"\r\n\r\n", 1)[1])["id"])


async def _answer(port: int, method: str, path: str) -> int:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0
    writer.write(_request(port, method, path))
    said = await reader.read()
    writer.close()
    return int(said.split(b" ", 2)[1]) if said else 0


@asynccontextmanager
async def _probed(port: int) -> AsyncIterator[list[float]]:
    """Latencies of the health checks in seconds; filled when the block ends."""
    took: list[float] = []
    command = (sys.executable, "-c", PROBE, f"http://127.0.0.1:{port}/healthz")
    pipe = asyncio.subprocess.PIPE
    prober = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    yield took
    said, _ = await prober.communicate(b"end")
    took += json.loads(said)


async def _connected(port: int, identity: str) -> tuple[Any, Any]:
    """A connection that requests events and reads none: backpressure."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(_request(port, "GET", f"/api/v1/investigations/{identity}/events"))
    await writer.drain()
    return reader, writer


async def _read(port: int, identity: str, late: list[float], wrong: list[str]) -> None:
    """Read all events; the delay of live ones is measured from their time in the log."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = datetime.now(UTC)
    writer.write(_request(port, "GET", f"/api/v1/investigations/{identity}/events"))
    numbers = []
    while line := await reader.readline():
        if line.startswith(b"data: "):
            event, now = json.loads(line[6:]), datetime.now(UTC)
            numbers.append(event["sequence"])
            at = datetime.fromisoformat(event["at"])
            if at > began:
                late.append((now - at).total_seconds())
    writer.close()
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        wrong.append(identity)


def _request(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def _processor(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int, field: str = "VmRSS") -> float:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _p95(seconds: list[float]) -> float:
    """95th percentile in milliseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1000
