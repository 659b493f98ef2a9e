"""Text of others in each place it leaves for: it calls nobody, links nowhere, and is seen as what it is."""

import json
import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples import SAMPLES, hostile
from tsg_agent import escape
from tsg_agent.models import Report

CALLS = [
    "<!channel>",
    "<!here|here>",
    "<!subteam^S1>",
    "@here",
    "@channel",
    "@everyone",
    "<@U123>",
    "<#C1|general>",
    "(@ann)",
]
LINKS = [
    "<http://evil.example|ok>",
    "<mailto:a@b.c|mail>",
    "http://evil.example/x",
    "HTTPS://evil.example",
    "slack://x",
    "www.evil.example",
    "evil.example/x",
    "evil.COM",
    "sub.evil.io?a=b",
]
IN_SLACK = re.compile(
    r"<[!@#hms/]|(?<![\w.+-])@\w|\w://|[<>]|&(?!amp;|lt;|gt;)|\bwww\.|[a-z0-9]\.[a-z]{2,24}/|\.(?:COM|io)\b"
)


@pytest.mark.parametrize("text", [*CALLS, *LINKS, "".join(CALLS), " ".join(LINKS), "@\u200bhere", "<\u2066!channel>"])
def test_a_message_calls_nobody_and_links_nowhere(text: str) -> None:
    for around in ("{}", "version {} fails", "{}{}", "a\n{}\nb", "`{}`", "x.{}"):
        said = escape.slack(around.format(text, text))
        assert not IN_SLACK.search(said), said


def test_a_message_says_what_it_said() -> None:
    kept = (
        "[shop / eu] 3 % of requests fail.\n\n- version 3.15.0 (ann@shop.example), flag a_b = on, "
        "java.net.SocketException at api.gateway.main v1.2/3"
    )
    assert escape.slack(kept) == kept
    assert escape.slack("a < b & c") == "a &lt; b &amp; c"


@settings(database=None)
@given(st.text())
def test_any_message(text: str) -> None:
    said = escape.slack(text)
    assert not IN_SLACK.search(said)
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in said)


@pytest.mark.parametrize("made", [*SAMPLES.values(), hostile], ids=[*SAMPLES, "hostile"])
def test_drafts_are_escaped(made: Callable[[], Report]) -> None:
    drafts = made().communication
    for draft in (drafts.incident_channel, drafts.product_teams, drafts.infrastructure or ""):
        assert not IN_SLACK.search(draft)


@settings(database=None)
@given(st.text(), st.booleans())
def test_json_reads_as_before_when_it_is_printed(text: str, terminal: bool) -> None:
    shown = escape.printed(json.dumps({"a": text}, ensure_ascii=False), terminal=terminal)
    assert json.loads(shown) == {"a": text}
    assert json.loads(shown.encode("ascii", escape.ERRORS)) == {"a": text}


def test_every_character_that_is_not_seen_is_escaped() -> None:
    every = [chr(n) for n in range(0x110000) if not 0xD800 <= n < 0xE000]
    unseen = [c for c in every if unicodedata.category(c) in ("Cc", "Cf", "Co", "Zl", "Zp") and c not in "\n\t"]
    assert [c for c in unseen if escape.printed(c, terminal=False) == c] == []
    ours = {"\x1b", "\r", "\x07", "\x08"}  # colours and cursor of our own tables
    assert {c for c in unseen if escape.printed(c, terminal=True) == c} >= ours
    assert [c for c in unseen if ord(c) > 0x7E and escape.printed(c, terminal=True) == c] == []
    assert escape.printed("caf\u00e9 \u2013 \U0001f600\n\t", terminal=False) == "caf\u00e9 \u2013 \U0001f600\n\t"
