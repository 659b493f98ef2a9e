"""docs/guide-deviations.md names a test for each deviation; each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "guide-deviations.md").read_text("utf-8")


def test_every_deviation_names_a_test_that_exists() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 30
    for row in rows:
        assert re.fullmatch(r"\|(?: [^|]+ \|){4} `test_\w+` \|", row), row


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    defined = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named - defined == set()
