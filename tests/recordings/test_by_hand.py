"""Investigations and talks in which a person wrote the model's answers: they replay from their files alone."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.cli.running import tsg
from tests.sandbox.world import skipped_without_a_sandbox
from tsg_agent.recording import differences
from tsg_agent.recording.file import INDEX, read
from tsg_agent.sandbox import Session

FILES = sorted((Path(__file__).parent / "by-hand").glob("*.tsgr"))
PLACE = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|work|mnt)/\w")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_gives_the_same_again(file: Path) -> None:
    held, _ = read(file)
    if any("```python" in call.text or "code" in str(call.tool_calls) for call in held.calls):
        with skipped_without_a_sandbox(), Session() as session:
            assert session.run("").ok
    assert differences(file) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_says_who_wrote_it_and_names_no_place(file: Path) -> None:
    assert read(file)[0].written_by_hand
    with zipfile.ZipFile(file) as archive:
        assert PLACE.findall(archive.read(INDEX).decode()) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_order_of_sets_changes_no_prompt(seed: str) -> None:
    """In it sentences are sent back with their rows' figures, in the order in which they are read."""
    file = next(file for file in FILES if file.stem == "petshop-none-run")
    done = tsg("replay", str(file), "--diff", PYTHONHASHSEED=seed)
    assert done.returncode == 0, done.stderr
