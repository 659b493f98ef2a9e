"""Who may import whom: the layout shows the data's way, and the README's diagram is what holds."""

import ast
import itertools
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tsg_agent"


def layers() -> list[set[str]]:
    """The parts of each line of the README's diagram, the lowest last."""
    diagram = (ROOT / "README.md").read_text("utf-8").partition("## How it is built")[2].split("```")[1]
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    parts -= {"__init__", "__main__"}
    lines = [line.partition("  ")[0].split() for line in diagram.strip().splitlines()]
    named = [part for line in lines for part in line]
    assert sorted(named) == sorted(parts), "the diagram has each part once"
    return [set(line) for line in lines]


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


def test_a_part_imports_only_what_lies_below_it() -> None:
    below: set[str] = set()
    for layer in reversed(layers()):
        for part in layer:
            files = [PACKAGE / f"{part}.py"] if (PACKAGE / f"{part}.py").exists() else (PACKAGE / part).rglob("*.py")
            wrong = {str(file.relative_to(ROOT)): imports(file) - below - {part} for file in files}
            assert {file: names for file, names in wrong.items() if names} == {}
        below |= layer


def test_the_terminal_is_the_command_lines_business() -> None:
    for part in layers():
        for file in itertools.chain.from_iterable((PACKAGE / name).rglob("*.py") for name in part - {"cli", "report"}):
            assert not re.search(r"^\s*(import|from) (typer|rich)\b", file.read_text("utf-8"), re.MULTILINE), file


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


def test_every_setting_is_read_by_something() -> None:
    """A setting that nothing reads is a promise that nothing keeps."""
    declared = set(re.findall(r"^    (\w+): ", (PACKAGE / "settings.py").read_text("utf-8"), re.MULTILINE))
    sources = [
        path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".sql", ".toml"} and path.name != "settings.py"
    ]
    read = set(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in sources)))
    assert declared - read == set()
