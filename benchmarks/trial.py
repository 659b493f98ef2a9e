"""Records how a model, or a person who writes the model's answers by hand, does with the prompts.

    python -m benchmarks.trial FOLDER … --out RECORDINGS --base-url http://127.0.0.1:8765/v1 --model NAME [--by-hand]

Each folder holds incident.md and telemetry/. Its investigation and the questions of `trial.toml` are recorded as
NAME-run.tsgr, NAME-talk-1.tsgr, … Existing recordings are skipped, so that an interrupted trial can continue.
`--by-hand` marks the recordings as written by a person. `--again` calls no model: it renews the recordings in `--out`
with their own answers, for when queries have changed but prompts have not.
"""

import argparse
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from tsg_agent import Request, Settings, open_telemetry
from tsg_agent.errors import TsgError
from tsg_agent.models import ModelUsage
from tsg_agent.recording import record, record_talk
from tsg_agent.recording.file import Recording, read
from tsg_agent.recording.neutral import again
from tsg_agent.recording.players import ReplayModel, ReplayTurns
from tsg_agent.settings import ModelSettings
from tsg_agent.telemetry.profile import known_values

QUESTIONS = Path(__file__).with_name("trial.toml")
ENDING = ".tsgr"


def main(arguments: list[str] | None = None) -> None:
    """Run a trial; exit code 1 if a part has failed."""
    options = _options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    done = [_incident(folder, options) for folder in options.folders]
    sys.exit(0 if all(done) else 1)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the recordings go")
    parser.add_argument("--base-url", default="", help="an OpenAI-compatible endpoint; default OPENAI_BASE_URL")
    parser.add_argument("--model", default="by-hand", help="the model's name")
    parser.add_argument("--timeout", type=float, default=7200, help="seconds that one answer may take")
    parser.add_argument("--by-hand", action="store_true", help="a person writes the answers")
    parser.add_argument("--again", action="store_true", help="take the answers from the recordings in --out")
    return parser.parse_args(arguments)


def _incident(folder: Path, options: argparse.Namespace) -> bool:
    name, text = folder.resolve().name, (folder / "incident.md").read_text("utf-8")
    telemetry = str(folder.resolve() / "telemetry")
    with open_telemetry(telemetry) as engine:  # the clock is the telemetry's end: it was an ongoing incident then
        request = Request(text=text, telemetry=telemetry, now=known_values(engine, Settings().query_timeout).last)
    known = tomllib.loads(QUESTIONS.read_text("utf-8"))
    parts = [_part(f"{name}-run", options, lambda file: _run(request, file, options))]
    for number, questions in enumerate(known.get(name, known["any"]), 1):
        asked: list[str] = questions
        parts.append(
            _part(f"{name}-talk-{number}", options, lambda file, asked=asked: _talk(request, file, asked, options))
        )
    return all(parts)


def _part(name: str, options: argparse.Namespace, make: Callable[[Path], list[str]]) -> bool:
    """Make one recording unless it exists. True if it is complete: the model answered every call."""
    file = options.out / f"{name}{ENDING}"
    if file.exists() != options.again:
        print(f"{name}: {'nothing to record again' if options.again else 'is there already'}", flush=True)
        return True
    print(f"{name}: …", flush=True)
    try:
        trouble = make(file)
    except TsgError as error:
        trouble = [str(error)]
    for line in trouble:
        print(f"  {line}", flush=True)
    return not trouble


def _run(request: Request, file: Path, options: argparse.Namespace) -> list[str]:
    held = _held(file, options)
    model = ReplayModel(held, name=again(held).model.name) if held else None
    made = _beside(file)
    report = record(
        held.request.model_copy(update={"telemetry": request.telemetry}) if held else request,
        made,
        settings=_settings(options, held),
        model=model,
        by_hand=held.written_by_hand if held else options.by_hand,
    )
    _say(report.usage.mode, report.usage.model)
    return _kept(made, file, model.missed if model else [], [] if report.narrative else report.notes[-1:])


def _talk(request: Request, file: Path, questions: list[str], options: argparse.Namespace) -> list[str]:
    held = _held(file, options)
    turns = ReplayTurns(held) if held else None
    made = _beside(file)
    trouble = []
    asked = held.request.model_copy(update={"telemetry": request.telemetry}) if held else request
    by_hand = held.written_by_hand if held else options.by_hand
    with record_talk(asked, made, settings=_settings(options, held), turns=turns, by_hand=by_hand) as talk:
        for question in held.asked if held else questions:
            answer = talk.ask(question)
            print(f"  > {question}\n    {answer.text[:300]}", flush=True)
            _say(answer.mode, answer.usage)
            trouble += answer.notes[:1] if answer.mode.startswith("rules only") else []
    return _kept(made, file, turns.missed if turns else [], trouble)


def _held(file: Path, options: argparse.Namespace) -> Recording | None:
    return read(file)[0] if options.again else None


def _beside(file: Path) -> Path:
    return file.with_suffix(".new")


def _kept(made: Path, file: Path, missed: list[str], trouble: list[str]) -> list[str]:
    """Move the recording to `file`, unless it lacks answers and `file` exists; returns the problems."""
    if missed:
        made.unlink(missing_ok=True)
        return [f"not recorded again: there is no answer to {missed[0]}"]
    made.replace(file)
    return trouble


def _settings(options: argparse.Namespace, held: Recording | None) -> Settings:
    """Default limits with a longer timeout: a person takes longer than a model."""
    if held is not None:
        return again(held)
    patient = {"timeout": options.timeout, "maximum_seconds": 100 * options.timeout}
    chosen = {"name": options.model, "base_url": options.base_url}
    return Settings(model=ModelSettings.model_validate({**Settings().model.model_dump(), **patient, **chosen}))


def _say(mode: str, usage: ModelUsage) -> None:
    print(
        f"  ({mode}: {usage.calls} calls, {usage.input_tokens} tokens read, {usage.output_tokens} written)", flush=True
    )


if __name__ == "__main__":
    main()
