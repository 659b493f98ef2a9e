"""--help is quick because it imports next to nothing; and it names every command and exit code."""

import os
import platform
import subprocess
import sys

import pyarrow as pa
import pytest

from tests.cli.running import ROOT, tsg
from tsg_agent import __version__

HEAVY = (
    "pandas",
    "numpy",
    "duckdb",
    "pyarrow",
    "langgraph",
    "langchain_core",
    "openai",
    "pydantic",
    "pydantic_settings",
    "sqlglot",
)


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, tsg_agent.cli.app; print(*sorted(set(sys.modules) & set(sys.argv[1:])))"
    done = subprocess.run([sys.executable, "-c", program, *HEAVY], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_no_garbage_is_looked_for_while_modules_are_loaded_and_later_not_among_them() -> None:
    program = """
import gc
from tsg_agent.cli.imports import loaded, loading
loading()
print(gc.isenabled())
import tsg_agent.service
held = len(gc.get_objects())
loaded()
print(gc.isenabled(), gc.get_freeze_count() >= held, len(gc.get_objects()) < held / 10)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "True", "True", "True"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_handed_out_again() -> None:
    program = """
import resource, sys, threading
from tsg_agent.cli.imports import loading
loading()
def hold():
    for _ in range(100):
        held = [bytearray(250_000) for _ in range(14)]
def from_the_system():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = from_the_system()
thread = threading.Thread(target=hold)
thread.start()
thread.join()
print(from_the_system() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) < 10_000  # pages; of what is given back each time there are 40,000


@pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="this Arrow is built without it")
def test_arrow_keeps_freed_memory() -> None:
    program = """
from tsg_agent.cli.imports import loaded, loading
loading()
import pyarrow
loaded()
print(pyarrow.default_memory_pool().backend_name)
"""
    for chosen, found in (({}, "jemalloc"), ({"ARROW_DEFAULT_MEMORY_POOL": "system"}, "system")):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ARROW_")} | chosen
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
        )
        assert done.stdout.split() == [found]


def test_help_names_the_commands_and_the_exit_codes() -> None:
    text = tsg("--help").stdout
    for name in (
        "run",
        "demo",
        "doctor",
        "resume",
        "list",
        "mcp",
        "show",
        "feedback",
        "replay",
        "tools",
        "graph",
        "settings",
        "guide",
        "ask",
        "chat",
    ):
        assert f"  {name} " in text
    for code in ("0 concluded", "3 the incident", "4 the telemetry", "8 the guide", "130 interrupted"):
        assert code in " ".join(text.split())


def test_help_says_what_a_pipe_gets() -> None:
    for command in ("run", "resume", "replay", "demo"):
        assert "a pipe or a file always gets all of it" in " ".join(tsg(command, "--help").stdout.split())


def test_the_version_is_the_package_s() -> None:
    assert tsg("--version").stdout.strip() == f"tsg-agent {__version__}"
