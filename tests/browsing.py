"""Debian's Chromium, for the tests that look at a page; they skip where it or playwright is missing, saying so."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Any]:
    """A playwright Browser, as long as the block."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: `make test-surfaces` installs it")
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
