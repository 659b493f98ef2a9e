"""The wheel holds what a run needs: SQL, prompts, templates, the schema, the type marker."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    source = tmp_path_factory.mktemp("source") / "tree"
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", "demo", "tests", "eval", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignore)
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return set(zipfile.ZipFile(next(target.glob("*.whl"))).namelist())


def test_every_data_file_is_in_the_wheel(names: set[str]) -> None:
    kinds = {".sql", ".j2", ".css", ".js", ".json", ".typed"}
    data = {str(path.relative_to(ROOT)) for path in (ROOT / "tsg_agent").rglob("*") if path.suffix in kinds}
    data |= {"tsg_agent/py.typed"}
    assert {name for name in data if "__pycache__" not in name} <= names


def test_the_prompts_are_in_the_wheel(names: set[str]) -> None:
    prompts = {f"tsg_agent/prompts/{path.name}" for path in (ROOT / "prompts").iterdir()}
    assert prompts
    assert prompts <= names


def test_tests_are_not(names: set[str]) -> None:
    assert not [name for name in names if name.startswith(("tests/", "eval/", "benchmarks/"))]
