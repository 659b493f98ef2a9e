"""Where interrupted investigations wait: one folder per state directory, readable by its owner only."""

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pydantic import ValidationError

from tsg_agent.errors import RecordError
from tsg_agent.extract import Given
from tsg_agent.frames import Frames
from tsg_agent.models import Instant, Model, ModelUsage, NodeUsage


class Request(Model):
    """What to investigate."""

    text: str
    telemetry: str
    """A folder, a glob, a file or a .duckdb database."""
    mapping: Path | None = None
    given: Given = Given()
    now: Instant | None = None


class Store:
    """The state directory: `<id>/request.json`, the tables of a run, and one SQLite file of checkpoints."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser()

    @property
    def checkpoints(self) -> Path:
        """The SQLite file, which its owner alone may read and write; it and its folder exist. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._folder / "checkpoints.sqlite"
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        for path in (self._folder, file):
            held = path.stat()
            if hasattr(os, "geteuid") and held.st_uid != os.geteuid():
                raise PermissionError(f"{path} belongs to another user")
        if self._folder.stat().st_mode & 0o022:
            raise PermissionError(f"others may write to it; `chmod 700 {self._folder}`, or take another")
        file.chmod(0o600)  # one that an earlier version made
        return file

    def check(self) -> None:
        """Raises RecordError where nothing can be kept: no folder, no right to write, a file that is no database."""
        try:
            with closing(sqlite3.connect(self.checkpoints)) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (id TEXT)")
        except (OSError, sqlite3.Error) as error:
            raise RecordError(
                f"Investigations cannot be kept in {self._folder}: {error}.",
                fix="Name another folder with TSG_STATE_DIR, or run with --no-keep.",
            ) from error

    def remember(self, identity: str, request: Request) -> None:
        """Keep what was asked, so that resume() can open the same telemetry."""
        folder = self._of(identity)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "request.json").write_text(request.model_dump_json(indent=1), encoding="utf-8")

    def recall(self, identity: str) -> Request:
        """What was asked. Raises RecordError for an unknown investigation."""
        path = self._of(identity) / "request.json"
        try:
            return Request.model_validate_json(path.read_text("utf-8"))
        except FileNotFoundError as error:
            known = ", ".join(self.identities()) or "none"
            raise RecordError(f"There is no investigation {identity!r}.", fix=f"Known: {known}.") from error
        except (OSError, ValidationError, json.JSONDecodeError) as error:
            raise RecordError(
                f"The record of investigation {identity} cannot be read.", fix="Run it again: `tsg-agent run`."
            ) from error

    def spend(self, identity: str, nodes: list[NodeUsage]) -> None:
        """Keep what a model has cost so far: a node that is killed in its middle has spent it all the same."""
        part, whole = (self._of(identity) / name for name in ("spent.json.part", "spent.json"))
        with suppress(OSError):  # a disk that is full now is no reason to leave the incident alone
            part.write_text(ModelUsage(nodes=nodes).model_dump_json(), encoding="utf-8")
            part.replace(whole)

    def spent(self, identity: str) -> list[NodeUsage]:
        """What a model has cost so far; nothing where none was asked."""
        try:
            return ModelUsage.model_validate_json((self._of(identity) / "spent.json").read_text("utf-8")).nodes
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            raise RecordError(
                f"What investigation {identity} has spent cannot be read.", fix="Run it again: `tsg-agent run`."
            ) from error

    def frames(self, identity: str) -> Frames:
        """The tables of an investigation."""
        return Frames(self._of(identity))

    def identities(self) -> list[str]:
        """Every investigation kept, newest first."""
        if not self._folder.exists():
            return []
        found = sorted(self._folder.glob("*/request.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent.name for path in found]

    def _of(self, identity: str) -> Path:
        if not identity.isalnum():
            raise RecordError(f"{identity!r} is no investigation's id.", fix="An id is letters and digits.")
        return self._folder / identity
