"""The incidents as an Inspect task, offline: without a model, and with our graph's calls through Inspect's model."""

import math
from pathlib import Path

import pytest

inspect_ai = pytest.importorskip("inspect_ai")
pytestmark = pytest.mark.filterwarnings("default")  # Inspect's own dependencies warn


def run(tmp_path: Path, cache: Path, model: object) -> object:
    from eval.inspect_task import incidents  # noqa: PLC0415 - needs the extra

    (log,) = inspect_ai.eval(
        incidents(cases="shard-strong,quiet-plain", cache=str(cache)),
        model=model,
        display="none",
        log_dir=str(tmp_path),
    )
    return log


def test_rules_only(tmp_path: Path, cache: Path) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415

    log = run(tmp_path, cache, None)
    assert log.status == "success", log.error
    shard = {sample.id: sample.scores["exam"].value for sample in read_eval_log(log.location).samples}["shard-strong"]
    assert (shard["cause_at_1"], shard["passed"]) == (1.0, 1.0)
    assert math.isnan(shard["false_alarm"])


def test_our_graphs_calls_go_through_inspects_model(tmp_path: Path, cache: Path) -> None:
    from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: PLC0415

    def output() -> ModelOutput:
        made = ModelOutput.from_content("mockllm/model", "not what was asked for")
        made.usage = ModelUsage(input_tokens=10, output_tokens=2, total_tokens=12)
        return made

    log = run(tmp_path, cache, get_model("mockllm/model", custom_outputs=[output() for _ in range(100)]))
    assert log.status == "success", log.error
    for sample in log.samples:
        assert any(event.event == "model" for event in sample.events)
        assert sample.scores["exam"].value["passed"] == 1.0  # what a model says decides nothing
