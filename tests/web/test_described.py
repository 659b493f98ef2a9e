"""The interface keeps to its own description, whatever it is sent."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tsg_agent import Request

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")
pytest.importorskip("schemathesis", reason="needs schemathesis: `make test-surfaces` installs it")

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from tests.web.serving import begun, read_events, served
from tsg_agent.web.config import ServerLimits, Serving

pytestmark = [pytest.mark.surfaces, pytest.mark.filterwarnings("default")]
EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def described(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description, all of it but the stream without end; an investigation is there."""
    limits = ServerLimits(requests_a_minute=1_000_000, open_investigations=5)
    with served(incident.telemetry, tmp_path_factory.mktemp("state"), Serving(limits=limits)) as client:
        read_events(client, begun(client, incident.text))
        schema = schemathesis.openapi.from_url(f"{client.base_url}/api/openapi.json")
        yield schema.exclude(path_regex="/events$")


@pytest.mark.parametrize("mode", GenerationMode)
def test_nothing_is_answered_that_is_not_described(described: Any, mode: Any) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    asked = 0
    for operation in operations:

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        with suppress(Unsatisfiable):  # what takes nothing can be asked nothing wrong
            answers()
            asked += 1
    assert asked > (10 if mode is GenerationMode.POSITIVE else 3)  # few operations take what can be wrong


def test_every_operation_has_words_and_every_body_an_example(described: Any) -> None:
    raw = described.raw_schema
    for path, operations in raw["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), (method, path)
            assert "422" not in operation["responses"] or "error" in str(raw["components"]["schemas"]["Failed"])
    for name in ("NewInvestigation", "Answers", "FollowUp", "NewQuestion", "Said", "Completion"):
        assert "example" in str(raw["components"]["schemas"][name]), name
