"""`tsg-agent mcp` where its extra is not installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.running import tsg


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the extra `mcp` is installed here")
def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    done = tsg("mcp", "--source", "shop=x", state=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "tsg-agent[mcp]" in done.stderr
