"""Who may import whom: the layout shows the data's way, and this keeps it so."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tsg_agent"
BASE = {"models", "settings", "errors", "wording", "escape", "versions", "statistics", "steps", "columns"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "models": set(),
    "versions": set(),
    "statistics": set(),
    "columns": set(),
    "steps": {"columns", "models", "settings", "wording"},
    "settings": {"errors"},
    "wording": {"models", "escape", "columns"},
    "escape": set(),
    "telemetry": {"models", "errors", "settings", "columns"},
    "sandbox": {"errors"},
    "workflow_analysis": BASE,
    "extract": BASE,
    "conclude": BASE,
    "report": BASE,
    "tracing": set(),
    "tools": BASE | {"tracing", "telemetry", "sandbox", "workflow_analysis"},
    "guides": BASE | {"telemetry", "tools", "extract"},
    "evidence": BASE | {"telemetry", "tools"},
    "verdicts": BASE | {"evidence", "workflow_analysis"},
    "sla": BASE | {"evidence"},
    "simulator": BASE,
    "frames": {"errors"},
    "checkpoints": {"errors"},
    "sqlite_files": set(),
    "events": {"errors", "models", "sqlite_files"},
    "store": {"errors", "models", "extract", "frames", "events", "sqlite_files"},
    "progress": {"models"},
    "entrance": {"errors"},
    "answering": BASE | {"extract"},
}
"""Package -> what of ours it may import. What is not listed stands above all of these."""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        found |= {name.split(".")[1] for name in names if name.startswith("tsg_agent.")}
    return found


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    files = sorted((PACKAGE / part).rglob("*.py")) if (PACKAGE / part).is_dir() else [PACKAGE / f"{part}.py"]
    assert files
    wrong = {str(file.relative_to(ROOT)): imports(file) - ALLOWED[part] - {part} for file in files}
    assert {file: names for file, names in wrong.items() if names} == {}


def test_evaluation_uses_the_public_names_only() -> None:
    files = sorted((ROOT / "eval").rglob("*.py"))
    # Step 1 alone is scored; rules are taken out of the verdicts.
    own = {"texts.py": {"extract"}, "ablation.py": {"models", "verdicts"}}
    inner = {file.name: imports(file) - {"simulator"} - own.get(file.name, set()) for file in files}
    assert {name: found for name, found in inner.items() if found} == {}


LONGEST = 400


def test_no_module_is_too_long_to_be_one_concept() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in PACKAGE.rglob("*.py")
        if (lines := len(file.read_text("utf-8").splitlines())) > LONGEST
    }
    assert long == {}
