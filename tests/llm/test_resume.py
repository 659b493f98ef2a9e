"""A killed investigation that had a model goes on with what is left of its budget."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.llm import personas
from tests.llm.server import Endpoint, Fail, Say, serving
from tests.llm.test_investigation import conclusion
from tsg_agent import Report, Request, Settings, resume
from tsg_agent.settings import ModelSettings
from tsg_agent.store import Store

ROOT = Path(__file__).parents[2]
FALSE = personas._json({"sections": [{"number": 2, "sentences": ["It fails 12.34 % of requests [C1]."]}]})


class Mind:
    """Reads, analyses and tells as asked; the first time that it is to mend a sentence it says nothing."""

    def __init__(self) -> None:
        self.mending, self.go_on = threading.Event(), threading.Event()

    def __call__(self, request: dict[str, Any]) -> Say | Fail:
        what = personas.task(request)
        if what == "report":
            return FALSE
        if what == "mend":
            if not self.mending.is_set():
                self.mending.set()
                self.go_on.wait(60)
            return personas._json({"sentences": ["It is the confirmed cause [C1]."]})
        return personas.honest(request)


def settings(endpoint: Endpoint, state: Path, **changes: Any) -> Settings:
    values = {"name": "scripted", "base_url": endpoint.url, "timeout": 60, "input_price": 1.0, "output_price": 1.0}
    return Settings(state_dir=state, model=ModelSettings.model_validate(values | changes))


def killed(incident: Request, endpoint: Endpoint, mind: Mind, state: Path) -> str:
    """An investigation in a process of its own, killed while its last node waits for the model; gives its id."""
    (state / "incident.md").write_text(incident.text, "utf-8")
    held = settings(endpoint, state).model
    model = {f"TSG_MODEL__{name.upper()}": str(getattr(held, name)) for name in ("name", "base_url", "timeout")}
    prices = {"TSG_MODEL__INPUT_PRICE": "1", "TSG_MODEL__OUTPUT_PRICE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tsg_agent", "run", "incident.md", "-t", incident.telemetry, "--quiet"],
        stdout=subprocess.DEVNULL,
        cwd=state,
        env={"PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(state), **model, **prices},
    )
    try:
        assert mind.mending.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        mind.go_on.set()
    (identity,) = Store(state).identities()
    return identity


@pytest.fixture(scope="module")
def left(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What a killed investigation left behind, and its id."""
    mind, state = Mind(), tmp_path_factory.mktemp("killed")
    with serving(mind) as endpoint:
        identity = killed(incident, endpoint, mind, state)
        assert sorted(map(personas.task, endpoint.requests)) == ["analyse", "extract", "mend", "report"]
    return state, identity


@pytest.mark.parametrize(
    ("limit", "calls"), [({}, 6), ({"maximum_calls": 5}, 5), ({"maximum_calls": 4}, 4)], ids=["enough", "one", "none"]
)
def test_what_was_spent_before_stays_spent(
    left: tuple[Path, str], by_rules: Report, tmp_path: Path, limit: dict[str, Any], calls: int
) -> None:
    state = tmp_path / "state"
    shutil.copytree(left[0], state)
    mind = Mind()
    mind.mending.set()
    with serving(mind) as endpoint:
        report = resume(left[1], settings=settings(endpoint, state, **limit))
    asked = [personas.task(request) for request in endpoint.requests]
    assert asked == ["report", "mend"][: calls - 4]  # nodes that had ended ask nothing again
    spent = report.usage.model
    assert [(node.node, node.calls) for node in spent.nodes] == [("read", 1), ("analyse", 1), ("phrase", calls - 2)]
    assert spent.calls == calls
    assert spent.nodes[0].cost is not None
    assert spent.input_tokens == 100 * (calls - 1)  # the call that was killed had no answer
    assert conclusion(report) == conclusion(by_rules)
    told = report.narrative.sections[1].by if report.narrative else None
    assert told == {6: "model", 5: "rules", 4: None}[calls]
    assert any("over budget" in note for note in report.notes) == (calls < 6)
