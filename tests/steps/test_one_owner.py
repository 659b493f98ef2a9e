"""What is said of a step stands in its own file: no other part names its number or its label."""

import ast
from pathlib import Path

import pytest

from benchmarks.owners import labels, numbers, places

PACKAGE = Path(__file__).parents[2] / "tsg_agent"
ASKS = (
    "verdicts/",
    "conclude/",
    "ask/",
    "evidence/",
    "steps/",
    "llm/",
    "service/",
    "report/",
    "wording.py",
    "graph.py",
)
"""Parts that ask the step."""
WORDS = {"settings.py": {"CRITICAL"}, "mcp_server.py": {"WARNING"}}
"""Words that are a label, too: a business criticality, a level of logging."""


def test_no_part_names_a_label() -> None:
    found = places(PACKAGE, "labels")
    named = {name: {what for what, _ in here} - WORDS.get(name, set()) for name, here in found.items()}
    assert {name: what for name, what in named.items() if what} == {}


def test_no_part_that_asks_the_step_names_its_number() -> None:
    own = {"verdicts/onset.py"}  # a step of its search
    found = places(PACKAGE, "step numbers")
    assert {name: here for name, here in found.items() if name.startswith(ASKS) and name not in own} == {}


@pytest.mark.parametrize(
    ("finder", "code"),
    [
        (labels, 'pressed = "RESOURCE_PRESSURE" in cause.labels'),
        (numbers, "cause.step == 9"),
        (numbers, 'finding["plugin"] == 8'),
        (numbers, "cause.step in (7, 8, 9)"),
        (numbers, "case.finding(6)"),
        (numbers, "context.findings.get(10)"),
        (numbers, "HEALTHY = {2: 'a', 3: 'b', 4: 'c'}"),
    ],
)
def test_what_is_looked_for_is_found(finder: object, code: str) -> None:
    assert callable(finder) and list(finder(ast.parse(code)))
