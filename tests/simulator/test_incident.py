import re

import pytest

from tsg_agent.simulator.demos import DEMOS
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import Scenario

HANDS = ("alert", "ticket", "chat", "email")


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("words", ["began at", "started at", "since"])
def test_every_hand_gives_all_parameters(hand, words):
    text = incident_text(Scenario(), IncidentReport(hand=hand, start_words=words))
    for part in ("us-east", "shop.gateway", "prod", f"{words} 2026-03-10T14:00:00Z", "2026-03-10T15:15:00Z", "99.9%"):
        assert part in text, part


@pytest.mark.parametrize("hand", HANDS)
def test_what_is_left_out_is_left_out(hand):
    report = IncidentReport(hand=hand, omit=("region", "service_name", "environment", "start", "end", "threshold"))
    text = incident_text(Scenario(), report)
    assert not re.search(r"us-east|shop\.gateway|prod|2026|99\.9", text)
    assert "requests are failing" in text


@pytest.mark.parametrize("hand", HANDS)
def test_hints_windows_and_resolution(hand):
    report = IncidentReport(
        hand=hand, hints=("it must be DNS",), window=True, ongoing=False, other_regions=("us-west",)
    )
    text = incident_text(Scenario(), report)
    assert "it must be DNS" in text
    assert "start_time: 2026-03-10T12:00:00Z, end_time: 2026-03-10T15:15:00Z" in text
    assert "resolved at 2026-03-10T15:15:00Z" in text
    assert "ongoing" not in text
    assert "us-east and us-west" in text


def test_local_times_and_late_reports():
    iso = incident_text(Scenario(), IncidentReport(utc_offset_hours=-4, start_error_minutes=15))
    assert "began at 2026-03-10T10:15:00-04:00" in iso
    plain = incident_text(Scenario(), IncidentReport(utc_offset_hours=5.5, time_style="plain"))
    assert "began at 2026-03-10 19:30 +05:30" in plain
    assert "began at 2026-03-10 14:00 UTC" in incident_text(Scenario(), IncidentReport(time_style="plain"))


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_no_demonstration_gives_its_answer_away(demo):
    text = incident_text(demo.scenario, demo.report)
    for answer in demo.answers:
        for value in answer.subject.values():
            assert not re.search(rf"\b{re.escape(value)}\b", text) or value == "on", value
