"""The incidents as an Inspect task, offline: without a model, and with our graph's calls through Inspect's model."""

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

inspect_ai = pytest.importorskip("inspect_ai")
inspect_log, inspect_model = import_module("inspect_ai.log"), import_module("inspect_ai.model")
task = import_module("eval.inspect_task")
pytestmark = pytest.mark.filterwarnings("default")  # Inspect's own dependencies warn


def run(tmp_path: Path, cache: Path, model: object) -> object:
    (log,) = inspect_ai.eval(
        task.incidents(cases="shard-strong,quiet-plain", cache=str(cache)),
        model=model,
        display="none",
        log_dir=str(tmp_path),
    )
    return log


def test_rules_only(tmp_path: Path, cache: Path) -> None:
    log = run(tmp_path, cache, None)
    assert log.status == "success", log.error
    shard = {sample.id: sample.scores["exam"].value for sample in inspect_log.read_eval_log(log.location).samples}[
        "shard-strong"
    ]
    assert (shard["cause_at_1"], shard["passed"]) == (1.0, 1.0)
    assert math.isnan(shard["false_alarm"])


def test_our_graphs_calls_go_through_inspects_model(tmp_path: Path, cache: Path) -> None:
    def output() -> Any:
        made = inspect_model.ModelOutput.from_content("mockllm/model", "not what was asked for")
        made.usage = inspect_model.ModelUsage(input_tokens=10, output_tokens=2, total_tokens=12)
        return made

    log = run(tmp_path, cache, inspect_model.get_model("mockllm/model", custom_outputs=[output() for _ in range(100)]))
    assert log.status == "success", log.error
    for sample in log.samples:
        assert any(event.event == "model" for event in sample.events)
        assert sample.scores["exam"].value["passed"] == 1.0  # what a model says decides nothing
