"""Records and replays runs of other guides."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tsg_agent.errors import RecordError
from tsg_agent.events import Event, UnkeptLog
from tsg_agent.guides.guide_run import GuideReport
from tsg_agent.guides.investigate import follow, guide_telemetry, telling
from tsg_agent.guides.reader import parse_guide
from tsg_agent.recording.file import RecordedRun, read, write
from tsg_agent.recording.neutral import again, complete, kept, portable, prepared
from tsg_agent.recording.players import RecordingEngine, ReplayEngine
from tsg_agent.settings import Settings
from tsg_agent.store import Request


def record_guide(
    guide: str,
    request: Request,
    file: Path,
    *,
    name: str = "guide",
    given: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    logged: Callable[[Event], None] = lambda _event: None,
) -> GuideReport:
    """Follow a guide's Markdown over `request.telemetry`, and record all in `file`. `given`: its parameters.
    `logged` gets each event.

    Raises RecordError, and what investigate_with_guide() raises; then no file is written.
    """
    request, settings, parsed = prepared(request), portable(settings or Settings()), parse_guide(guide, name=name)
    held = dict(given or {})
    with guide_telemetry(parsed, request.telemetry, request.mapping, settings) as (opened, kinds):
        engine, now = RecordingEngine(opened), request.now or datetime.now(UTC)
        tell = telling(UnkeptLog(), "", settings, logged)
        report = follow(parsed, engine, kinds, request.text, given=held, now=now, settings=settings, tell=tell)
        columns = {table: dict(columns) for table, columns in kinds.items()}
    run = RecordedRun(guide=guide, name=name, given=held, kinds=columns, report=report)
    write(file, kept(request, settings, engine, [], run=run), engine.results)
    return report


def replay_guide(file: Path) -> GuideReport:
    """Replay a recorded guide from its file alone. Raises RecordError for a miss or an unusable file."""
    held, results = read(file)
    if held.run is None or held.request.now is None:
        raise RecordError("This recording is of no other guide's run.", fix="`tsg-agent replay` it.")
    missed: list[str] = []
    run, engine = held.run, ReplayEngine(held, results, missed)
    with complete(missed):
        guide = parse_guide(run.guide, name=run.name)
        return follow(
            guide, engine, run.kinds, held.request.text, given=run.given, now=held.request.now, settings=again(held)
        )
