"""Other forms of a report: a message for Slack, one screen of text, a draft of a post-mortem."""

import json

import pytest

from tests.samples import SAMPLES, bad_version, hostile, two_that_are_over
from tsg_agent.report.forms import FORMS, render
from tsg_agent.report.postmortem import to_postmortem
from tsg_agent.report.screen import to_screen
from tsg_agent.report.slack import SECTION, to_slack


@pytest.mark.parametrize("form", FORMS)
def test_each_form_can_be_had(form: str) -> None:
    known = next(one for one in FORMS if one == form)
    assert "3.15.0" in render(bad_version(), known)


@pytest.mark.parametrize("name", SAMPLES)
def test_slack_takes_it(name: str) -> None:
    made = json.loads(to_slack(SAMPLES[name]()))
    assert len(made["blocks"]) <= 50
    for block in made["blocks"][1:-1]:
        assert 0 < len(block["text"]["text"]) <= SECTION
        assert block["text"]["verbatim"] is True


def test_in_slack_names_call_nobody_link_nowhere_and_format_nothing() -> None:
    header, *blocks = json.loads(to_slack(hostile()))["blocks"]
    assert (header["text"]["type"], header["text"]["emoji"]) == ("plain_text", False)
    text = json.dumps(blocks)
    assert "<script" not in text
    assert "://" not in text.replace("[:]//", "")
    calls = bad_version().model_copy(update={"headline": "<!channel> @here *bold*"})
    assert "<!channel>" not in to_slack(calls)
    words = [block["text"]["text"] for block in json.loads(to_slack(bad_version()))["blocks"][1:-1]]
    assert any("payment" in one or "PaymentDeclinedError" in one for one in words)
    assert all(one.count("*") == 2 for one in words)


def test_brief_is_the_screen() -> None:
    assert render(bad_version(), "brief") == to_screen(bad_version())


def test_a_post_mortem_has_times_in_order_and_asks_what_only_people_know() -> None:
    text = to_postmortem(two_that_are_over())
    rows = [row for row in text.splitlines() if row.startswith("| 20")]
    assert rows == sorted(rows)
    assert "| 2026-03-10 13:05 UTC | began, as reported |" in rows
    assert "| 2026-03-10 14:45 UTC | was over, as measured |" in rows
    assert text.count("_To be filled in:_") == 4
    late = to_postmortem(bad_version())
    assert "Suspected, and not it: premium customers, recommendations." in late


def test_a_hostile_name_is_text_in_a_post_mortem() -> None:
    text = to_postmortem(hostile())
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\x1b" not in text
