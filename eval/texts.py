"""Incident texts with their parameters in `texts/`: how many the rules read right, ask for needlessly, or miss."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from tsg_agent import ParameterError
from tsg_agent.extract import Extraction, Given, Known, extract

TEXTS = Path(__file__).parent / "texts"
_SAME = timedelta(seconds=1)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Closed):
    """The telemetry and the clock that all texts are read against, and what they say where they say nothing else."""

    known: Known
    now: datetime
    window_hours: float
    default_threshold: float
    expect: dict[str, Any]


class Text(_Closed):
    """One text. In `expect`, `began` is the reported start (null = none), `from` and `to` the window.

    Times are `14:00` or `09T23:00`, of the setting's month and day, UTC, or whole. Not given, `from` is 2 h before
    `began`, and `to` is now. `asks` names the parameters that only a person can settle; `told` is what the notes must
    name.
    """

    id: str
    text: str
    expect: dict[str, Any]
    held: bool = Field(False, description="kept back from tuning")
    sealed: bool = Field(False, description="only counted: what is wrong with it is not shown")
    language: str = "en"


class Outcome(_Closed):
    """One text's result, parameter by parameter."""

    id: str
    held: bool
    exact: tuple[str, ...] = ()
    wrong: tuple[str, ...] = Field((), description="what was read instead, in words")
    silent: tuple[str, ...] = Field(
        (), description="wrong, and no note and no question names the right value, or the start that it follows from"
    )
    needless: tuple[str, ...] = Field((), description="asked for, though the text holds the answer")


def load(folder: Path = TEXTS) -> list[tuple[Setting, Text]]:
    """All texts of a folder and of those in it, each with its folder's setting (`telemetry.yaml`).

    Raises ValueError for a folder or file that is none, or two texts of one id.
    """
    found = []
    for path in sorted(folder.rglob("telemetry.yaml")):
        setting = Setting.model_validate(_read(path))
        files = sorted(one for one in path.parent.glob("*.yaml") if one != path)
        found += [(setting, Text.model_validate(entry)) for one in files for entry in _read(one)]
    doubled = [name for name, count in Counter(text.id for _, text in found).items() if count > 1]
    if doubled or not found:
        raise ValueError(f"two texts are called {doubled[0]}" if doubled else f"{folder} has no telemetry.yaml")
    return found


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def expected(text: Text, setting: Setting) -> dict[str, Any]:
    """The gold parameters of a text; without those that it leaves open."""
    gold = {**setting.expect, **text.expect}
    began = _instant(gold.get("began"), setting.now)
    opened = _instant(gold.get("from"), setting.now)
    if opened is None and began is not None:
        opened = began - timedelta(hours=setting.window_hours)
    values = {
        "region": gold["region"],
        "service_name": gold["service"],
        "environment": gold["environment"],
        "incident_start": began,
        "start_time": opened,
        "end_time": _instant(gold.get("to"), setting.now) or setting.now,
        "threshold": float(gold["threshold"]),
    }
    return {name: value for name, value in values.items() if name not in gold.get("asks", ())}


def _instant(written: str | None, now: datetime) -> datetime | None:
    if written is None:
        return None
    if written.endswith("Z"):
        return datetime.fromisoformat(written)
    day, _, clock = written.rpartition("T")
    return datetime.fromisoformat(f"{now:%Y-%m-}{day or f'{now:%d}'}T{clock}").replace(tzinfo=UTC)


def score(text: Text, setting: Setting) -> Outcome:
    """Extract by rules, and compare with the gold parameters. What is asked for needlessly is then given."""
    gold, asks = expected(text, setting), set(text.expect.get("asks", ()))
    try:
        found = _extract(text.text, setting, {})
    except ParameterError as error:
        return Outcome(id=text.id, held=text.held, wrong=(f"refused: {error}",))
    asked = {question.parameter for question in found.questions}
    needless = tuple(sorted(asked - asks))
    said = [*found.notes, *(question.text + " ".join(question.candidates) for question in found.questions)]
    if asks:
        missed = tuple(sorted(asks - asked))
        return Outcome(id=text.id, held=text.held, exact=tuple(asks & asked), wrong=missed, silent=missed)
    if found.parameters is None:
        given = {name: gold[name] for name in needless if gold[name] is not None}
        found = _extract(text.text, setting, given)
    return _compared(text, found, gold, said, needless)


def _compared(
    text: Text, found: Extraction, gold: dict[str, Any], said: list[str], needless: tuple[str, ...]
) -> Outcome:
    exact, wrong, silent = [], [], []
    for name, value in gold.items():
        read = getattr(found.parameters, name) if found.parameters else None
        if name not in needless and _same(read, value):
            exact.append(name)
            continue
        wrong.append(f"{name} {_shown(read)} for {_shown(value)}")
        follows = name == "start_time" and "from" not in text.expect and gold.get("incident_start")
        right = gold["incident_start"] if follows else value
        shown = f"{right:g}" if isinstance(right, float) else _shown(right)
        if name not in needless and not (right is not None and any(shown in one for one in said)):
            silent.append(name)
    untold = [piece for piece in text.expect.get("told", ()) if not any(piece in one for one in said)]
    wrong += [f"{piece} is not told" for piece in untold]
    return Outcome(
        id=text.id, held=text.held, exact=tuple(exact), wrong=tuple(wrong), silent=(*silent, *untold), needless=needless
    )


def _extract(text: str, setting: Setting, given: dict[str, Any]) -> Extraction:
    return extract(
        text,
        setting.known,
        Given.model_validate(given),
        now=setting.now,
        window_hours=setting.window_hours,
        default_threshold=setting.default_threshold,
    )


def _same(read: Any, value: Any) -> bool:
    if isinstance(read, datetime) and isinstance(value, datetime):
        return abs(read - value) < _SAME
    return bool(read == value)


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%S}" if isinstance(value, datetime) else str(value)


def summary(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    """The figures that are printed, each with what it is of."""
    kept = list(outcomes)
    exact, wrong = (sum(len(getattr(one, name)) for one in kept) for name in ("exact", "wrong"))
    return [
        ("texts", f"{len(kept)}"),
        ("parameters exact", f"{exact} of {exact + wrong}, {100 * exact / max(1, exact + wrong):.1f} %"),
        ("texts all exact", f"{sum(not one.wrong for one in kept)}"),
        ("texts with a needless question", f"{sum(bool(one.needless) for one in kept)}"),
        ("parameters wrong in silence", f"{sum(len(one.silent) for one in kept)}"),
    ]
