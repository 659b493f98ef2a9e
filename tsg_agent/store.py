"""Stores investigations in a state directory that only its owner can read."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from tsg_agent.errors import RecordError
from tsg_agent.events import TRIAL, EventLog
from tsg_agent.extract import Given, Now
from tsg_agent.frames import Frames
from tsg_agent.locks import is_locked, locked
from tsg_agent.models import Instant, Model, ModelUsage, NodeUsage, Report
from tsg_agent.models.report_schema import READ as REPORTS
from tsg_agent.sqlite_files import connected, mended, owned

ENDED, REPORT, FEEDBACK, SOURCE, LOCK = "ended.json", "report.json", "feedback.json", "source.json", "lock"
SCHEMA = 1
"""Version of the files in an investigation's folder, except its report."""
_STEPS: dict[str, dict[str, object]] = {
    "INSERT INTO checkpoints"
    " (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)"
    " VALUES ('', '', '', '', '', '', '')": {},
    "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, value)"
    " VALUES ('', '', '', '', 0, '', '', '')": {},
}
"""LangGraph's tables of checkpoints."""
CLAIM_S = 0.2
NEAR = 3
"""Number of similar ids in an error about an unknown one."""
AGAIN = "Run it again: `tsg-agent run`."
M = TypeVar("M", bound=Model)


class Kept(NamedTuple):
    """An investigation, in a list; its headline, or its text's first line.

    `state`: finished, running, queued, asked (it waits for answers), failed, cancelled, interrupted or unreadable.
    """

    id: str
    when: datetime
    state: str
    title: str


class Request(Model):
    """What to investigate."""

    text: str = Field(
        description="the incident's text, as people wrote it: region, service, environment, when it began, SLA"
    )
    telemetry: str = Field(
        description="a folder, a glob or a file of Parquet, CSV or JSON lines, or a .duckdb file; not read where an "
        "engine is given beside the request"
    )
    mapping: Path | None = Field(
        None, description="TOML file that maps the source's tables and columns to the guide's (docs/telemetry.md)"
    )
    given: Given = Field(
        Given(), description="parameters known beforehand; each wins over the text, e.g. Given(region='us-east')"
    )
    now: Now | None = Field(
        None,
        description="what counts as now, for replays: a datetime or ISO 8601 text such as 2026-03-10T15:15Z; without "
        "an offset it is UTC; None is the clock",
    )


class Feedback(Model):
    """What an investigation's conclusion was worth, said by a person."""

    right: bool = Field(description="whether the conclusion held")
    subject: dict[str, str] | None = Field(
        None, description="what it really was: column -> value, as in a report's causes"
    )
    component: str = Field("", description="the component that really was the cause, where no column says it better")
    no_incident: bool = Field(False, description="nothing was wrong")
    note: str = ""
    at: Instant


class SourceFiles(Model):
    """The files of an investigation's source when it began."""

    files: dict[str, tuple[int, int, int]] = Field(
        description="path -> size in bytes, time of the last change in nanoseconds, number"
    )


class FollowedGuide(Model):
    """Another guide than the built-in one, as an investigation follows it."""

    guide: str = Field(description="its Markdown")
    name: str = Field(description="what it is called where it does not say so")
    given: dict[str, str] = Field(description="parameter -> value, as given beside the text")


class Store:
    """The state directory: a folder per investigation, and two SQLite files: checkpoints and events."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser()

    @property
    def checkpoints(self) -> Path:
        """Path of the private SQLite file, created with its folder if necessary. Raises OSError."""
        return owned(self._folder / "checkpoints.sqlite")

    @property
    def events(self) -> EventLog:
        """The event log of all investigations."""
        return EventLog(self._folder / "events.sqlite")

    def check(self) -> list[str]:
        """Replace damaged files; notes on where they were set aside.

        Raises RecordError if the directory is missing or not writable.
        """
        notes = []
        try:
            for name, trials, lost in (
                ("checkpoints", _STEPS, "what was interrupted before begins anew"),
                ("events", TRIAL, ""),
            ):
                aside = mended(self._folder / f"{name}.sqlite", trials)
                if aside:
                    notes.append(f"The file of {name} was damaged, and is kept as {aside.name}{lost and f': {lost}'}.")
        except (OSError, sqlite3.Error) as error:
            raise RecordError(
                f"Investigations cannot be kept in {self._folder}: {getattr(error, 'strerror', None) or error}.",
                fix="Name another folder with TSG_STATE_DIR, or run with --no-keep.",
            ) from error
        return notes

    @contextmanager
    def claimed(self, identity: str) -> Iterator[None]:
        """Lock a running investigation; released when the process ends. Raises RecordError if another one holds it."""
        try:
            file = locked(self._of(identity) / LOCK, CLAIM_S)
        except OSError as error:
            raise RecordError(
                f"Investigation {identity} cannot be held: {error.strerror}.", fix="Make room, or run with --no-keep."
            ) from error
        if file is None:
            raise RecordError(
                f"Investigation {identity} is running already.", fix=f"`tsg-agent show {identity}` when it has ended."
            )
        try:
            yield
        finally:
            os.close(file)

    def remember(self, identity: str, request: Request) -> None:
        """Store the request, so that resume() can open the same telemetry."""
        self._of(identity).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._put(identity, "request.json", {"schema_version": SCHEMA, **request.model_dump(mode="json")})

    def recall(self, identity: str) -> Request:
        """The stored request. Raises RecordError for an unknown investigation."""
        held = self._get(identity, "request.json", Request)
        if held is None:
            raise RecordError(f"There is no investigation {identity!r}.", fix=self._near(identity))
        return held

    def remember_guide(self, identity: str, followed: FollowedGuide) -> None:
        """Store the followed guide, if it is not the built-in one. Raises OSError."""
        self._put(identity, "guide.json", {"schema_version": SCHEMA, **followed.model_dump(mode="json")})

    def recall_guide(self, identity: str) -> FollowedGuide | None:
        """The followed guide; None for the built-in one. Raises RecordError."""
        return self._get(identity, "guide.json", FollowedGuide)

    def refuse_other_guide(self, identity: str) -> None:
        """Raises RecordError for an investigation that followed another guide: its report has another model."""
        if self.recall_guide(identity):
            raise RecordError(
                f"Investigation {identity} follows another guide than the built-in one.",
                fix=f"`tsg-agent resume {identity}` goes on with it, or shows its report.",
            )

    def spend(self, identity: str, nodes: list[NodeUsage]) -> None:
        """Store the model usage so far: a node that is killed midway has spent it all the same."""
        with suppress(OSError):  # a full disk must not stop the investigation
            self._put(identity, "spent.json", ModelUsage(nodes=nodes).model_dump(mode="json"))

    def spent(self, identity: str) -> list[NodeUsage]:
        """The model usage so far; empty if no model was called."""
        held = self._get(identity, "spent.json", ModelUsage)
        return held.nodes if held else []

    def remember_source(self, identity: str, files: Mapping[str, tuple[int, int, int]]) -> None:
        """Store the state of the source's files. Raises OSError."""
        self._put(identity, SOURCE, {"schema_version": SCHEMA, "files": files})

    def recall_source(self, identity: str) -> dict[str, tuple[int, int, int]] | None:
        """The stored state of the source's files; None if there is none. Raises RecordError."""
        held = self._get(identity, SOURCE, SourceFiles)
        return held.files if held else None

    def keep_report(self, identity: str, report: Model) -> None:
        """Store the report; it never changes afterwards. Raises OSError."""
        self._write(identity, REPORT, report.model_dump_json(indent=2) + "\n")

    def has_report(self, identity: str) -> bool:
        """True if a report is stored: then nothing runs again, even if the process was killed before its last event."""
        return (self._of(identity) / REPORT).exists()

    def end(self, identity: str, headline: str) -> None:
        """Mark an investigation as concluded, and delete its checkpoints and stored tables.

        Raises OSError, sqlite3.Error.
        """
        self._put(identity, ENDED, {"headline": headline})
        for left in (self._of(identity) / SOURCE, *self._of(identity).glob("*.arrow")):
            left.unlink(missing_ok=True)
        self.forget_steps([identity])

    def report_text(self, identity: str) -> str:
        """The stored report's exact text. Raises RecordError if there is none."""
        try:
            return (self._of(identity) / REPORT).read_text("utf-8")
        except FileNotFoundError:
            self.recall(identity)
            if (self._of(identity) / ENDED).exists():
                raise RecordError(
                    f"Investigation {identity} was concluded by an earlier version, which kept no report.", fix=AGAIN
                ) from None
            raise RecordError(
                f"Investigation {identity} has no report: it has not concluded.", fix=f"`tsg-agent resume {identity}`."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"The report of investigation {identity} cannot be read.", fix=AGAIN) from error

    def report(self, identity: str) -> Report:
        """The report. Raises RecordError if there is none, in an unsupported version, or of another guide."""
        self.refuse_other_guide(identity)
        text = self.report_text(identity)
        try:
            written = json.loads(text)["schema_version"]
            if written in REPORTS:
                return Report.model_validate_json(text)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise RecordError(
                f"The report of investigation {identity} cannot be read: it is damaged.", fix=AGAIN
            ) from error
        raise RecordError(
            f"The report of investigation {identity} has schema {written!r}, and this version reads "
            f"{' and '.join(map(str, REPORTS))}.",
            fix=f"`tsg-agent show {identity} --format json` gives it as it is; or take the version that wrote it.",
        )

    def judge(self, identity: str, feedback: Feedback) -> None:
        """Keep a person's feedback on the conclusion, replacing earlier feedback. Raises RecordError, OSError."""
        self.recall(identity)
        self._put(identity, FEEDBACK, {"schema_version": SCHEMA, **feedback.model_dump(mode="json")})
        said = {**feedback.model_dump(mode="json"), "note": ""}  # it may hold a person's own words
        try:
            self.events.append(identity, "feedback", said)
        except (OSError, sqlite3.Error) as error:
            raise RecordError(
                f"The feedback is kept, but the event log cannot be written: {error}.",
                fix="The next run keeps a damaged log aside and begins anew.",
            ) from error

    def feedback(self, identity: str) -> Feedback | None:
        """A person's feedback on the conclusion; None without."""
        return self._get(identity, FEEDBACK, Feedback)

    def about(self, identity: str, states: dict[str, str] | None = None) -> Kept:
        """An investigation's list entry, even if its files are unreadable. `states`: from the event log."""
        folder = self._of(identity)
        when = datetime.fromtimestamp((folder / "request.json").stat().st_mtime, UTC)
        try:
            return Kept(identity, when, "finished", str(json.loads((folder / ENDED).read_text("utf-8"))["headline"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not concluded
        try:
            text = self.recall(identity).text
        except RecordError:
            return Kept(identity, when, "unreadable", "")
        last = self.events.state(identity) if states is None else states.get(identity, "")
        if self._runs(identity):
            state = last if last in {"asked", "queued"} else "running"
        else:
            state = last if last in {"asked", "failed", "cancelled"} else "interrupted"
        lines = (line.strip("# \t") for line in text.splitlines())
        return Kept(identity, when, state, next((line for line in lines if line), "(no text)"))

    def kept(self, limit: int | None = None) -> list[Kept]:
        """List entries, newest first, at most `limit`."""
        states = self.events.states()
        return [self.about(identity, states) for identity in self.identities()[:limit]]

    def frames(self, identity: str) -> Frames:
        """The tables of an investigation."""
        return Frames(self._of(identity))

    def identities(self) -> list[str]:
        """Ids of all stored investigations, newest first. Raises RecordError for an unreadable folder."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RecordError(
                f"The investigations in {self._folder} cannot be read: {error.strerror}.",
                fix="Name another folder with TSG_STATE_DIR.",
            ) from error
        requests = [self._folder / name / "request.json" for name in names if name.isalnum()]
        found = [path for path in requests if path.exists()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent.name for path in found]

    def prune(self, days: float | None, number: int | None) -> list[str]:
        """Delete investigations older than `days`, and the oldest beyond `number`, except running ones; their ids.

        Raises OSError, sqlite3.Error.
        """
        oldest = datetime.now(UTC) - timedelta(days=days) if days is not None else None
        gone = []
        for place, identity in enumerate(self.identities()):
            when = datetime.fromtimestamp((self._of(identity) / "request.json").stat().st_mtime, UTC)
            too_old, too_many = oldest is not None and when < oldest, number is not None and place >= number
            if (too_old or too_many) and not self._runs(identity):
                shutil.rmtree(self._of(identity))
                gone.append(identity)
        if gone:
            self.events.forget(gone)
            self.forget_steps(gone)
        return gone

    def forget_steps(self, identities: list[str]) -> None:
        """Delete checkpoints of concluded or deleted investigations. Raises OSError, sqlite3.Error."""
        with connected(self.checkpoints) as connection:
            held = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in sorted(held & {"checkpoints", "writes"}):
                connection.executemany(f"DELETE FROM {table} WHERE thread_id = ?", [(one,) for one in identities])  # noqa: S608 - our own names

    def _runs(self, identity: str) -> bool:
        """True if a process holds its lock."""
        return is_locked(self._of(identity) / LOCK)

    def _put(self, identity: str, name: str, data: dict[str, Any]) -> None:
        self._write(identity, name, json.dumps(data, indent=1, ensure_ascii=False))

    def _write(self, identity: str, name: str, text: str) -> None:
        """Write atomically: to a temporary name first. Raises OSError."""
        part = self._of(identity) / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self._of(identity) / name)

    def _get(self, identity: str, name: str, kind: type[M]) -> M | None:
        """A file's content as a model; None if it is missing. Raises RecordError for an unsupported version."""
        try:
            held = json.loads((self._of(identity) / name).read_text("utf-8"))
            written = held.pop("schema_version", SCHEMA)  # files of 0.1 have none
            if written == SCHEMA:
                return kind.model_validate(held)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError, RecursionError, ValidationError) as error:
            raise RecordError(f"The {name} of investigation {identity} cannot be read.", fix=AGAIN) from error
        raise RecordError(
            f"The {name} of investigation {identity} was written by a newer tsg-agent (schema {written!r}).",
            fix="Go on with that version, or run it again: `tsg-agent run`.",
        )

    def _near(self, identity: str) -> str:
        every = self.identities()
        begun = [known for known in every if known.startswith(identity)]
        near = begun[:NEAR] or get_close_matches(identity, every, NEAR, 0.6)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        return f"{meant}`tsg-agent list` shows those that are kept."

    def _of(self, identity: str) -> Path:
        if not identity.isalnum():
            raise RecordError(f"{identity!r} is no investigation's id.", fix="An id is letters and digits.")
        return self._folder / identity
