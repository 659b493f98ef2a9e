"""doctor: what works here, and what a source can answer."""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from tsg_agent import __version__
from tsg_agent.investigation import open_telemetry
from tsg_agent.sandbox.isolation import Diagnosis, diagnose
from tsg_agent.settings import load_settings
from tsg_agent.telemetry.profile import Profile, profile
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.account import WORDS, Account, account
from tsg_agent.wording import NAME_LENGTH, moment, one_line

SHOWN = 12
NOTE_LENGTH = 400
PACKAGES = ("duckdb", "langgraph", "langchain", "pandas", "pydantic", "pyarrow")


def examine(telemetry: str | None, mapping: Path | None, *, as_json: bool) -> None:
    """Print versions, the sandbox's layers, and the source's tables, times, values and ready checks."""
    settings = load_settings()
    sandbox, unsafe = diagnose(), settings.sandbox.unsafe_no_isolation
    source: Profile | None = None
    rows, notes = Account(read=0), dict[str, tuple[str, ...]]()
    if telemetry is not None:
        with open_telemetry(telemetry, mapping=mapping, settings=settings, about=[datetime.now(UTC)]) as engine:
            source = profile(engine, settings.query_timeout, PLUGINS)
            rows = account(engine, timeout=settings.query_timeout)
            notes = {name: (*table.notes, *table.readings) for name, table in engine.tables.items()}
    if as_json:
        data = _as_data(sandbox, source, unsafe=unsafe)
        typer.echo(json.dumps({**data, "account": rows.model_dump(mode="json")}, indent=2, default=str))
        return
    console = Console()
    if source is not None:
        _show_source(console, source)
        _show_account(console, rows, notes)
        console.print()
    console.print(
        f"tsg-agent {__version__}, Python {platform.python_version()}, {platform.platform()}", highlight=False
    )
    console.print(", ".join(f"{name} {version(name)}" for name in PACKAGES), highlight=False)
    _show_sandbox(console, sandbox, unsafe=unsafe)


def _as_data(sandbox: Diagnosis, source: Profile | None, *, unsafe: bool) -> dict[str, Any]:
    return {
        "version": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "sandbox": {
            "available": sandbox.available,
            "isolation": sandbox.isolation,
            "unsafe_no_isolation": unsafe,
            "problem": sandbox.problem,
            "fix": sandbox.fix,
            "layers": [vars(layer) if hasattr(layer, "__dict__") else layer for layer in sandbox.layers],
        },
        "telemetry": source.model_dump(mode="json") if source else None,
    }


def _show_sandbox(console: Console, sandbox: Diagnosis, *, unsafe: bool) -> None:
    state = f"available ({sandbox.isolation})" if sandbox.available else "not available: model code will not run"
    console.print(f"\nSandbox for model code: {state}", highlight=False)
    if unsafe:
        console.print(
            "  TSG_SANDBOX__UNSAFE_NO_ISOLATION is on: a model's code runs WITHOUT isolation", style="bold red"
        )
    for layer in sandbox.layers:
        mark = "yes" if layer.held else "no"
        why = f": {layer.detail}. {layer.fix}" if not layer.held else ""
        console.print(Text(f"  {mark:3} {layer.name}{' (required)' if layer.required else ''}{why}"))
    if sandbox.problem:
        console.print(Text(f"  {sandbox.problem} {sandbox.fix}"))


def _show_source(console: Console, source: Profile) -> None:
    _show_checks(console, source)
    console.print()
    for table in source.tables:
        span = (
            f", {table.first:%Y-%m-%d %H:%M} to {table.last:%Y-%m-%d %H:%M} UTC" if table.first and table.last else ""
        )
        if table.problem:
            console.print(Text(table.problem))
            continue
        console.print(Text(f"{table.name}: {table.rows:,} rows{span}" if table.rows else f"{table.name}: no rows"))
    console.print()
    for title, values in (
        ("regions", source.known.regions),
        ("services", source.known.services),
        ("environments", source.known.environments),
    ):
        rest = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
        shown = ", ".join(one_line(value, NAME_LENGTH) for value in values[:SHOWN])  # telemetry's: no escape sequences
        console.print(Text(f"{title}: {shown or 'none'}{rest}"))


def _show_checks(console: Console, source: Profile) -> None:
    """Which checks can run, and missing columns that some check reads."""
    ready = sum(check.ready for check in source.checks)
    console.print(Text(f"{ready} of {len(source.checks)} checks can run on this telemetry."), style="bold")
    for check in source.checks:
        can = "can run" if check.ready else f"cannot run: the source lacks {', '.join(check.missing)}"
        console.print(Text(f"Step {check.step:2} {check.title}: {can}"))
        if check.ready and check.read_as_null:
            names = ", ".join(name.removeprefix("api_gateway_logs.") for name in check.read_as_null)
            console.print(Text(f"        reads as NULL: {names}"), style="dim")


def _show_account(console: Console, rows: Account, notes: dict[str, tuple[str, ...]]) -> None:
    """How many rows of the requests are counted or excluded, and how the tables were read."""
    if not rows.read:
        return
    console.print()
    console.print(Text(f"Of {rows.read:,} rows of requests:"))
    for part in rows.parts:
        failed = f" ({part.failures:,} of them 5xx)" if part.failures else ""
        console.print(Text(f"  {part.rows:,} {WORDS[part.why]}{failed}"))
    if rows.unreadable:
        console.print(Text(f"  and {rows.unreadable:,} lines that could not be read"))
    longest = sorted(rows.quiet, key=lambda one: one.start - one.end)[:SHOWN]
    for one in sorted(longest, key=lambda one: one.start):
        console.print(
            Text(
                f"  none from {moment(one.start)} to {moment(one.end)}, where some {one.expected:,} were to be expected"
            )
        )
    said = [f"{name}: {note}" for name, told in notes.items() for note in told]
    for note in said:
        console.print(Text(f"Note: {one_line(note, NOTE_LENGTH)}"))
