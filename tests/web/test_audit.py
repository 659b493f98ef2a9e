"""The audit log: each event is one whole line, in which nothing is hidden and no secret stands."""

import json
import logging
import resource
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsg_agent.telemetry.engine import QUERIES
from tsg_agent.web.audit import WHO, Audit, Who

HOSTILE = 'SELECT 1 -- \u202e\u2066 \x9b31m \x1b[2J \u200b \r\n{"who": "admin"}\n\x00\u2028\U000e0041 caf\u00e9'


def lines(folder: Path) -> list[str]:
    return (folder / "audit.jsonl").read_bytes().decode().split("\n")


def test_what_is_hostile_is_one_line_that_hides_nothing(tmp_path: Path) -> None:
    with Audit(tmp_path) as audit:
        token = WHO.set(Who(f"ada{HOSTILE}", "shop\u202e"))
        audit.say("ask", question=HOSTILE, **{f"a{HOSTILE}": [HOSTILE, {HOSTILE: HOSTILE}]})
        QUERIES.info(HOSTILE, extra={"parameters": {"a": HOSTILE}})
        WHO.reset(token)
    *told, end = lines(tmp_path)
    assert (len(told), end) == (2, "")
    for line in told:
        assert [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Co", "Zl", "Zp")] == []
    first, second = map(json.loads, told)
    assert first["question"] == HOSTILE and first[f"a{HOSTILE}"] == [HOSTILE, {HOSTILE: HOSTILE}]
    assert (second["sql"], second["parameters"]["a"], second["who"]) == (HOSTILE, HOSTILE, f"ada{HOSTILE}")


@settings(database=None, max_examples=50)
@given(text=st.text())
def test_any_text_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("audit")
    Audit(folder).say("ask", question=f"a{text}")
    (line, _) = lines(folder)
    assert json.loads(line)["question"] == f"a{text}"


def test_no_half_of_a_line_stays_on_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit(tmp_path)
    audit.say("ask", question="first")
    size = (tmp_path / "audit.jsonl").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
    try:
        with caplog.at_level(logging.ERROR):
            audit.say("ask", question="second")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    audit.say("ask", question="third")
    *told, end = lines(tmp_path)
    assert ([json.loads(line)["question"] for line in told], end) == (["first", "third"], "")
    assert "the audit log cannot be written" in caplog.text
