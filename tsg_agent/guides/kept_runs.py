"""Runs of guides that are kept: what was interrupted goes on, what was asked is answered, a report is read again."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import ValidationError

from tsg_agent.errors import QuestionError, RecordError, TsgError
from tsg_agent.events import Event, Tells
from tsg_agent.guides.as_graph import KeptSteps
from tsg_agent.guides.guide_run import GuideReport
from tsg_agent.guides.investigate import follow, guide_telemetry, telling
from tsg_agent.guides.reader import parse_guide
from tsg_agent.settings import Settings
from tsg_agent.store import FollowedGuide, Request, Store
from tsg_agent.telemetry.files import places
from tsg_agent.telemetry.unchanged import difference, marks


def begin(request: Request, followed: FollowedGuide, settings: Settings) -> str:
    """Keep what is asked, and give its id. Older ones than the settings keep are taken away. Raises RecordError."""
    store, identity = Store(settings.state_dir), uuid4().hex[:12]
    store.check()
    try:
        store.prune(settings.keep_days, settings.keep_number and settings.keep_number - 1)
        store.remember(identity, request.model_copy(update={"now": request.now or datetime.now(UTC)}))
        store.remember_guide(identity, followed)
    except (OSError, sqlite3.Error) as error:
        raise RecordError(
            f"This investigation cannot be kept: {error}.", fix="Make room, or run with --no-keep."
        ) from error
    return identity


def go_on(
    identity: str,
    settings: Settings,
    *,
    given: dict[str, str] | None = None,
    logged: Callable[[Event], None] = lambda _event: None,
) -> GuideReport:
    """Follow the guide from where it was left; steps that had ended are not run again. `given`: answers, by parameter.

    `logged` gets each event.

    Of one that has concluded the report is given. Raises RecordError, and what investigate_with_guide() raises.
    """
    store = Store(settings.state_dir)
    tell = telling(store.events, identity, settings, logged)
    request, followed = store.recall(identity), store.recall_guide(identity)
    if followed is None:
        raise RecordError(f"Investigation {identity} follows the built-in guide.", fix="`tsg_agent.resume` it.")
    with store.claimed(identity):
        if store.has_report(identity):
            return report_of(store, identity)
        if given:
            followed = followed.model_copy(update={"given": {**followed.given, **given}})
            store.remember_guide(identity, followed)
        try:
            report = _followed(store, identity, request, followed, settings, tell)
        except QuestionError as error:
            asked = [{"parameter": name, "text": text, "candidates": some} for name, text, some in error.questions]
            tell("asked", questions=asked)
            raise
        except TsgError as error:
            tell("failed", error=type(error).__name__, message=error.message, fix=error.fix)
            raise
        store.keep_report(identity, report)
        tell("concluded", headline=report.headline, causes=len(report.causes))
        store.end(identity, report.headline)
    return report


def report_of(store: Store, identity: str) -> GuideReport:
    """The report of a run that has concluded. Raises RecordError."""
    try:
        return GuideReport.model_validate_json(store.report_text(identity))
    except ValidationError as error:
        raise RecordError(
            f"The report of investigation {identity} cannot be read: it is damaged, or of another version.",
            fix="Run it again: `tsg-agent run`.",
        ) from error


def _followed(  # noqa: PLR0917 - what a run is
    store: Store,
    identity: str,
    request: Request,
    followed: FollowedGuide,
    settings: Settings,
    tell: Tells,
) -> GuideReport:
    guide = parse_guide(followed.guide, name=followed.name)
    files, before = marks(places(request.telemetry)), store.recall_source(identity)
    store.remember_source(identity, files)
    tell("began", resumed=before is not None)
    with guide_telemetry(guide, request.telemetry, request.mapping, settings) as (engine, kinds):
        report = follow(
            guide, engine, kinds, request.text, given=followed.given, now=request.now or datetime.now(UTC),
            settings=settings, tell=tell, steps=KeptSteps(store.checkpoints, identity),
        )  # fmt: skip
    changed = difference(before, files) if before else ""
    said = (f"Since this investigation began, {changed}: what was checked before read what was there then.",)
    return report.model_copy(update={"notes": (*report.notes, *said)}) if changed else report
