"""What is said of a step stands in its own file: no other part names its number or its label."""

import ast
from pathlib import Path

import pytest

from benchmarks.owners import column_lists, labels, numbers, places, twice

ROOT = Path(__file__).parents[2]
PACKAGE, EXAM = ROOT / "tsg_agent", ROOT / "eval"
WORDS = {"settings.py": {"CRITICAL"}, "mcp_server.py": {"WARNING"}}
"""Words that are a label, too: a business criticality, a level of logging."""
NUMBERS = {
    "extract/payloads.py": "digits of a time",
    "tools/code_interpreter.py": "an example of a name",
}
KEYS = ("guide_labels.py", "recorded.py")
"""The exam's own answers are worked out apart from what it examines."""
GROUPS = ("drafts/", "cases.py", "cli.py")
"""Where incidents are sorted by the step that they are made for."""


def test_no_part_names_a_label() -> None:
    found = places(PACKAGE, "labels")
    named = {name: {what for what, _ in here} - WORDS.get(name, set()) for name, here in found.items()}
    assert {name: what for name, what in named.items() if what} == {}
    assert [name for name in places(EXAM, "labels") if name not in KEYS] == []


def test_no_part_names_a_steps_number() -> None:
    found = places(PACKAGE, "step numbers")
    assert {name: here for name, here in found.items() if name not in NUMBERS} == {}
    assert [name for name in places(EXAM, "step numbers") if not name.startswith((*KEYS, *GROUPS))] == []


def test_no_part_lists_columns_by_hand() -> None:
    own = {"workflow_analysis.py"}  # a run's own place in its table
    assert {name: here for name, here in places(PACKAGE, "column lists").items() if name not in own} == {}


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
        (numbers, "CHECKS = (Check(2, 'a'), Check(4, 'b'), Check(5, 'c'))"),
        (numbers, "frames['plugin_8'] = rows"),
        (numbers, "say(f'see Step 4, {why}')"),
        (column_lists, "CHARTED = ('service_version', 'availability_zone', 'region')"),
    ],
)
def test_what_is_looked_for_is_found(finder: object, code: str) -> None:
    assert callable(finder) and list(finder(ast.parse(code)))


def test_no_class_and_no_file_has_the_name_of_another() -> None:
    assert twice(PACKAGE) == {}
