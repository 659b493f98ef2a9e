"""Cache of generated incidents' telemetry, created on first use."""

import hashlib
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

import pyarrow as pa

import tsg_agent
from eval.cases import Case, Recipe
from tsg_agent import simulator
from tsg_agent.simulator.generate import generate, write


def default_cache() -> Path:
    """The platform's cache folder."""
    if given := os.environ.get("TSG_EVAL_CACHE"):
        return Path(given)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "tsg-agent-eval"


@cache
def simulator_version() -> str:
    """A hash of the generator: the package's version, the simulator's source, and pyarrow's version."""
    digest = hashlib.sha256(f"{tsg_agent.__version__} {pa.__version__}".encode())
    for path in sorted(Path(simulator.__path__[0]).glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def key_of(recipe: Recipe) -> str:
    """The name of a scenario's folder: a hash, since an entrant sees it."""
    return hashlib.sha256(f"{simulator_version()} {recipe.scenario.model_dump_json()}".encode()).hexdigest()[:20]


def telemetry_of(case: Case, root: Path) -> Path:
    """The folder of a case's telemetry, generated if necessary. Created atomically."""
    if case.recipe is None:
        if case.telemetry is None:
            raise FileNotFoundError(f"{case.id} has neither a recipe nor telemetry")
        return case.telemetry
    folder = root / key_of(case.recipe)
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".making-") as made:
        write(generate(case.recipe.scenario), Path(made) / "telemetry")
        try:
            (Path(made) / "telemetry").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster, with the same content
                raise
    return folder
