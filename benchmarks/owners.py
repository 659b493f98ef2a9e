"""Finds duplicated knowledge: rule labels, step numbers and column lists outside of their single owner.

`python -m benchmarks.owners [FOLDER]`: of another checkout's package, to compare.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tsg_agent.columns import SUBJECTS
from tsg_agent.tools import GUIDE

LABELS = {label for step in GUIDE.steps for label in step.labels}
NUMBERED = {"step", "plugin", "number"}
"""Attributes and keys that hold a step's number."""
CALLED = {"finding", "get", "by_number"}
MANY = 50
"""No guide has so many steps: larger numbers mean something else."""
COLUMNS = 3
"""From so many columns on, a literal counts as a list of columns."""
_NAMED = re.compile(r"\bplugin_\d\w*|\b[Ss]teps? \d+")
"""A check or a step in a text."""
Place = tuple[str, int]
"""What was found, and the line."""


def labels(tree: ast.AST) -> Iterator[Place]:
    """Rule labels as string literals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in LABELS:
            yield node.value, node.lineno


def numbers(tree: ast.AST) -> Iterator[Place]:
    """Step numbers in comparisons, look-ups, calls and texts; not in docstrings."""
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _name(node.left) in NUMBERED:
            yield from ((f"{_name(node.left)} and {number}", node.lineno) for number in _numbers(node.comparators))
        elif isinstance(node, ast.Call) and _name(node.func) in CALLED and "finding" in ast.unparse(node.func):
            yield from ((f"{ast.unparse(node.func)}({number})", node.lineno) for number in _numbers(node.args))
        elif isinstance(node, ast.Dict | ast.Tuple | ast.List):
            first = node.keys if isinstance(node, ast.Dict) else [_first(one) for one in node.elts]
            if len(first) > 2 and all(one is not None and len(_numbers([one])) == 1 for one in first):
                yield "a table by step", node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            yield from ((said, node.lineno) for said in _NAMED.findall(node.value))


def column_lists(tree: ast.AST) -> Iterator[Place]:
    """Literals with several columns that can name a cause."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            held = node.keys if isinstance(node, ast.Dict) else node.elts
            names = [one.value for one in held if isinstance(one, ast.Constant) and one.value in SUBJECTS]
            if len(names) >= COLUMNS:
                yield ", ".join(map(str, names)), node.lineno


def _first(node: ast.expr) -> ast.expr | None:
    """The first element of a call or a tuple."""
    held = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple | ast.List) else []
    return held[0] if held and isinstance(held[0], ast.Constant) else None


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _numbers(nodes: list[ast.expr]) -> list[int]:
    found = [one for node in nodes for one in ast.walk(node) if isinstance(one, ast.Constant)]
    return [one.value for one in found if type(one.value) is int and 1 < one.value < MANY]


FINDERS = {"labels": labels, "step numbers": numbers, "column lists": column_lists}


def places(package: Path, kind: str) -> dict[str, list[Place]]:
    """Module -> what was found, except in the steps' own files and in the simulator, which generates telemetry."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if name.startswith(("tools/plugin_", "simulator/", "guides/", "sandbox/")):
            continue
        if here := list(FINDERS[kind](ast.parse(path.read_text("utf-8")))):
            found[name] = here
    return found


def twice(package: Path) -> dict[str, list[str]]:
    """Duplicate names of classes and files -> their modules."""
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        classes = [node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
        for one in [*classes, *([path.name] if not path.name.startswith("__") else [])]:
            found.setdefault(one, []).append(name)
    return {name: where for name, where in found.items() if len(where) > 1}


def measure() -> None:
    """Print the counts by module."""
    package = Path(sys.argv[-1]) if Path(sys.argv[-1]).is_dir() else Path(__file__).parents[1] / "tsg_agent"
    print(f"outside of the steps' own files, in {package.name}:")
    for kind in FINDERS:
        found = places(package, kind)
        print(f"  {kind}: {sum(map(len, found.values()))} in {len(found)} modules")
        for name, here in found.items():
            print(f"    {name}: {len(here)}")
    print(f"  names of classes and files that stand twice: {len(twice(package))}")
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in package.rglob("*.py"))
    print(f"  lines of Python: {lines:,}")


if __name__ == "__main__":
    measure()
