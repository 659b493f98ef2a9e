"""`tsg-agent mcp` and `serve` where their extras are not installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.running import tsg


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the extra `mcp` is installed here")
def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    done = tsg("mcp", "--source", "shop=x", state=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "tsg-agent[mcp]" in done.stderr


@pytest.mark.skipif(find_spec("fastapi") is not None, reason="the extra `serve` is installed here")
def test_without_its_extra_serve_says_how_to_get_it(tmp_path: Path) -> None:
    done = tsg("serve", "shop=x", state=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "tsg-agent[serve]" in done.stderr
