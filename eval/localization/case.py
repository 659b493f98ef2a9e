"""Localization cases on disk: `incident.md`, `telemetry/`, `label.json` (`root_cause`: a list of descriptions)."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from eval.labels import read_label, validated
from eval.localization.make import Made
from eval.localization.requests import Description
from eval.rows import LOG
from tsg_agent.simulator.frame import Text
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.randomness import RandomStream
from tsg_agent.simulator.scenario import Scenario

SERVICE, REGION, ENVIRONMENT = "store.api", "eu-west", "prod"
STATUSES = (500, 502, 503, 504)
HANDS = ("ticket", "alert", "email", "chat")


class CaseLabel(BaseModel):
    """The label of a localization case; other keys of the file (its origin) are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    root_cause: tuple[Description, ...] = Field(description="descriptions, dimension -> value; none = all is quiet")
    group: str = ""
    noise: str = ""
    incident_start: AwareDatetime | None = None
    end_time: AwareDatetime | None = None


@dataclass(frozen=True)
class LocalizationCase:
    """A loaded case; `telemetry` is its folder."""

    name: str
    text: str
    telemetry: Path
    label: CaseLabel

    @property
    def now(self) -> datetime:
        """Clock of the investigation: the labelled end, else the last request's time."""
        if self.label.end_time is not None:
            return self.label.end_time
        times = pq.read_table(self.telemetry / f"{LOG}.parquet", columns=["timestamp"])["timestamp"]
        last: datetime = pc.max(times.cast(pa.timestamp("us", tz="UTC"))).as_py()
        return last


def load(folder: Path) -> LocalizationCase:
    """Load a case. Raises LabelError, FileNotFoundError."""
    path = folder / "label.json"
    if not (folder / "telemetry").is_dir():
        raise FileNotFoundError(f"{folder} has no telemetry/")
    text = (folder / "incident.md").read_text(encoding="utf-8")
    return LocalizationCase(folder.name, text, folder / "telemetry", validated(CaseLabel, read_label(path), path))


def load_all(root: Path) -> list[LocalizationCase]:
    """Load the cases below a folder, or the folder itself if it is one. Raises LabelError, FileNotFoundError."""
    folders = [root] if (root / "label.json").exists() else [path.parent for path in sorted(root.glob("*/label.json"))]
    if not folders:
        raise FileNotFoundError(f"no label.json below {root}: a case is incident.md, label.json and telemetry/")
    return [load(folder) for folder in folders]


def write(made: Made, folder: Path, number: int = 0) -> LocalizationCase:
    """Write a generated case; `number` selects the text's style. Only label.json reveals the causes."""
    (folder / "telemetry").mkdir(parents=True)
    pq.write_table(_log(made), folder / "telemetry" / f"{LOG}.parquet", compression="zstd")
    (folder / "incident.md").write_text(_text(made, number), encoding="utf-8")
    label = CaseLabel(
        root_cause=made.causes,
        group=made.kind.name,
        noise=made.noise.name + (" and chronic" if made.noise.chronic else ""),
        incident_start=made.start,
        end_time=made.end,
    )
    (folder / "label.json").write_text(json.dumps(label.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
    return load(folder)


def _text(made: Made, number: int) -> str:
    scenario = Scenario(
        service_name=SERVICE, environment=ENVIRONMENT, region=REGION, regions={REGION: 1.0},
        incident_start=made.start, end=made.end,
    )  # fmt: skip
    return incident_text(scenario, IncidentReport(hand=HANDS[number % len(HANDS)]))


def _log(made: Made) -> pa.Table:
    requests, rows = made.requests, np.arange(len(made.requests.time))
    stream = RandomStream(len(rows), "log")
    answered = np.where(requests.failed, np.array(STATUSES)[stream.choice(rows, [0.5, 0.1, 0.3, 0.1])], 200)
    columns = {
        "request_id": pa.array([f"r{row:07d}" for row in rows.tolist()]),
        "timestamp": pa.array(requests.time, pa.timestamp("us")),
        **{name: _same(value, len(rows)) for name, value in (
            ("region", REGION), ("environment", ENVIRONMENT), ("service_name", SERVICE)
        )},
        "status_code": answered.astype(np.int32),
        "latency_ms": stream.sub("latency").lognormal(rows, 60.0, 0.5).round(1),
        **{name: column.arrow() for name, column in requests.dimensions.items()},
    }  # fmt: skip
    return pa.table(columns)


def _same(value: str, rows: int) -> pa.Array:
    return Text(np.zeros(rows, dtype=np.int64), (value,)).arrow()
