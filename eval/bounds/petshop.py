"""Bounds on recorded incidents: PetShop with and without a call graph, quiet, renamed; and the gateway."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from eval.bounds.bound import Bound, Row, Setup, counted, here
from eval.cases import load as load_case
from eval.conclusion import Concluded, concluded
from eval.labels import read_label
from eval.rows import LOG
from tsg_agent.simulator.incident import incident_text
from tsg_agent.simulator.randomness import RandomStream
from tsg_agent.simulator.scenario import Scenario

COMPONENT = "service_component"
CALLS = "petshop-calls.csv"
EVERY = timedelta(minutes=10)
SHORTEST = timedelta(minutes=30)
"""Minimum quiet time before and after an assumed start."""


@dataclass(frozen=True)
class Put:
    """One investigation: text, telemetry folder, clock, true component."""

    text: str
    telemetry: Path
    now: datetime
    truth: str = ""


def _put(job: Put, settings: dict[str, Any]) -> Concluded:
    return concluded(job.text, job.telemetry, job.now, settings)


def _answers(setup: Setup, work: list[Put]) -> list[Concluded]:
    return setup.each(work, partial(_put, settings=setup.settings))


def _folders(setup: Setup, faulty: bool) -> list[Path]:
    root = setup.folder("incidents")
    folders = sorted(root.glob("petshop-*/label.json")) if root else []
    return [path.parent for path in folders if (read_label(path)["root_cause"] is not None) == faulty]


def _recorded(folder: Path, telemetry: Path | None = None) -> Put:
    case = load_case(folder)
    truth = case.expected.causes[0].any_of[0][COMPONENT] if case.expected.causes else ""
    return Put(case.text, telemetry or folder / "telemetry", case.now, truth)


def _found(job: Put, answer: Concluded, most: int) -> bool:
    return any(subject.get(COMPONENT) == job.truth for subject in answer.subjects[:most])


def faults(setup: Setup) -> list[Row]:
    """recall@1 and @3 on the faulty recordings."""
    work = [_recorded(folder) for folder in _folders(setup, True)]
    answers = list(zip(work, _answers(setup, work), strict=True))
    first, three = ([_found(job, answer, most) for job, answer in answers] for most in (1, 3))
    return [
        counted("petshop: first", first, 1, here("5 of 6")),
        counted("petshop: in the first three", three, 0, here("6 of 6")),
    ]


def with_calls(setup: Setup) -> list[Row]:
    """recall@1 with the call graph as an additional table."""
    root = setup.folder("incidents")
    calls = root / CALLS if root else None
    if calls is None or not calls.exists():
        return [Row("petshop with calls: first", "", f"not measured: {CALLS} is not here")]
    work = []
    for folder in _folders(setup, True):
        copy = setup.scratch / f"{folder.name}-calls"
        shutil.copytree(folder / "telemetry", copy, dirs_exist_ok=True)
        shutil.copyfile(calls, copy / "calls.csv")
        work.append(_recorded(folder, copy))
    first = [_found(job, answer, 1) for job, answer in zip(work, _answers(setup, work), strict=True)]
    return [counted("petshop with calls: first", first, 0, here("5 of 6, reads no calls"))]


def quiet(setup: Setup) -> list[Row]:
    """False alarms: the recording without a fault, and assumed starts every ten minutes before each fault."""
    none = [_recorded(folder) for folder in _folders(setup, False)]
    splits = [job for folder in _folders(setup, True) for job in _splits(setup, folder)]
    rows = []
    for name, work in (("petshop without a fault", none), ("petshop, quiet hours split", setup.sample(splits, 6))):
        answers = _answers(setup, work)
        sure = sum(bool(answer.confirmed) for answer in answers)
        named = sum(bool(answer.subjects) for answer in answers)
        failed = sum(bool(answer.error) for answer in answers)
        rows.append(Row(f"{name}, {len(work)}: confirmed", "0", f"{sure}", not sure and not failed, here("0")))
        said = f"{named}" + (f", {failed} without an answer" if failed else "")
        rows.append(
            Row(f"{name}, {len(work)}: with a suspect", "<= 1", said, named <= 1 and not failed, here("0 of 1, 1 of 7"))
        )
    return rows


def _splits(setup: Setup, folder: Path) -> Iterator[Put]:
    """Investigations of the telemetry before a recording's fault, one per assumed start."""
    label = read_label(folder / "label.json")
    table = pq.read_table(folder / "telemetry" / f"{LOG}.parquet")
    began = datetime.fromisoformat(label["incident_start"]).astimezone(UTC)
    copy = setup.scratch / f"{folder.name}-quiet"
    copy.mkdir(exist_ok=True)
    times = table["timestamp"].cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(table.filter(pc.less(times, pa.scalar(began, times.type))), copy / f"{LOG}.parquet")
    first = pc.min(times).as_py().replace(second=0, microsecond=0)
    start = first + SHORTEST
    while start + SHORTEST <= began:
        yield Put(_text(table, start, began), copy, began)
        start += EVERY


def _text(table: pa.Table, start: datetime, end: datetime) -> str:
    """An incident text about the recorded service with the given start."""
    region, service, environment = (table[name][0].as_py() for name in ("region", "service_name", "environment"))
    return incident_text(
        Scenario(
            service_name=service, environment=environment, region=region, regions={region: 1.0}, incident_start=start,
            end=end,
        )
    )  # fmt: skip


def shuffled(setup: Setup) -> list[Row]:
    """Permuting the components' names must permute the causes and change nothing else."""
    plain = [_recorded(folder) for folder in _folders(setup, True)]
    renamed, names = [], []
    for number, folder in enumerate(_folders(setup, True)):
        table = pq.read_table(folder / "telemetry" / f"{LOG}.parquet")
        name = _renaming(table, setup.seed + number)
        copy = setup.scratch / f"{folder.name}-renamed"
        copy.mkdir(exist_ok=True)
        column = pa.array([name.get(value) for value in table[COMPONENT].to_pylist()], pa.string())
        pq.write_table(
            table.set_column(table.column_names.index(COMPONENT), COMPONENT, column), copy / f"{LOG}.parquet"
        )
        renamed.append(_recorded(folder, copy))
        names.append(name)
    before, after = _answers(setup, plain), _answers(setup, renamed)
    same = [_translated(a, name) == _ranked(b) for a, b, name in zip(before, after, names, strict=True)]
    return [counted("petshop, names shuffled: the same causes in the same order", same, 0, here("6 of 6"))]


def _renaming(table: pa.Table, seed: int) -> dict[str, str]:
    """Random permutation of component names; fixed for the entry point, which has the service's name."""
    entry = table["service_name"][0].as_py()
    names = sorted({value for value in table[COMPONENT].unique().to_pylist() if value not in (None, entry)})
    order = np.argsort(RandomStream(seed, "names").uniform(np.arange(len(names))))
    return {name: names[int(at)] for name, at in zip(names, order, strict=True)} | {entry: entry}


def _translated(answer: Concluded, name: dict[str, str]) -> list[tuple[str, bool]]:
    return [(name.get(subject, subject), sure) for subject, sure in _ranked(answer)]


def _ranked(answer: Concluded) -> list[tuple[str, bool]]:
    return [(subject.get(COMPONENT, str(subject)), subject in answer.confirmed) for subject in answer.subjects]


def gateway(setup: Setup) -> list[Row]:
    """The gateway demonstration: its workflow step is the first cause, two other suspects are dismissed."""
    root = setup.folder("incidents", "gateway-700000001")
    if root is None:
        return [Row("gateway", "", "not measured: it is not here")]
    [answer] = _answers(setup, [_recorded_gateway(root)])
    first = answer.first.get("scenario_name") == "payment_processing"
    step = answer.first.get("workflow_step") == "payment_authorization"
    said = ", ".join(f"{name}={value}" for name, value in answer.first.items()) or answer.error or "nothing"
    rows = [
        Row(
            "gateway: the first cause",
            "payment_processing at payment_authorization",
            said,
            first and step,
            here("the same"),
        )
    ]
    for name, value in (("service_version", "3.14.2"), ("flag_name", "enhanced_routing_v2")):
        why = [statement for subject, statement in answer.dismissed if subject.get(name) == value]
        figures = any(any(letter.isdigit() for letter in text.replace(value, "")) for text in why)
        blamed = any(subject.get(name) == value for subject in answer.subjects)
        rows.append(
            Row(
                f"gateway: {value}",
                "dismissed with figures",
                "blamed" if blamed else "dismissed with figures" if figures else "not spoken of",
                figures and not blamed,
                here("the same"),
            )
        )
    return rows


def _recorded_gateway(root: Path) -> Put:
    case = load_case(root)
    return Put(case.text, root / "telemetry", case.now)


BOUNDS = (
    Bound("petshop", faults, ("incidents",)),
    Bound("petshop-calls", with_calls, ("incidents",)),
    Bound("petshop-quiet", quiet, ("incidents",)),
    Bound("petshop-names", shuffled, ("incidents",)),
    Bound("gateway", gateway, ("incidents",)),
)
