"""Every report that the simulator writes is read back: each hand, way of writing times, and thing left out."""

from datetime import timedelta
from itertools import product

import pytest

from tests.extract.extracting import asked, run
from tsg_agent.extract import Extraction, Known
from tsg_agent.simulator.demos import DEMOS, Demo
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import Scenario

HANDS = ("alert", "ticket", "chat", "email")
WORDS = ("began at", "started at", "since")
SCENARIO = Scenario()
HINTS = (
    "The payment team is looking at the card processor.",
    "we did roll out 3.15.0 at that time, the rollout started at 13:40",
    "Most exceptions come from recommendations calling the vendor feed.",
)


def read_back(report: IncidentReport, scenario: Scenario = SCENARIO) -> Extraction:
    known = Known(
        regions=tuple(scenario.regions),
        services=(scenario.service_name, "payments"),
        environments=(scenario.environment, "staging"),
        first=scenario.first,
        last=scenario.last,
    )
    return run(incident_text(scenario, report), known, scenario.last + timedelta(days=30))


@pytest.mark.parametrize("hand", HANDS)
def test_reports_are_read_back(hand: str) -> None:
    for words, ongoing, offset, style, window, others, hints in product(
        WORDS, (True, False), (0, -4, 5.5), ("iso", "plain"), (False, True), ((), ("us-west",)), ((), HINTS)
    ):
        report = IncidentReport.model_validate(
            {"hand": hand, "start_words": words, "ongoing": ongoing, "utc_offset_hours": offset, "time_style": style}
            | {"window": window, "other_regions": others, "hints": hints}
        )
        result = read_back(report)
        text = incident_text(SCENARIO, report)
        assert result.parameters, (text, result.questions)
        found = result.parameters
        start, end = SCENARIO.incident_start, SCENARIO.last
        if style == "plain":
            start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
        expected = (start, start - timedelta(hours=2), end)
        assert (found.incident_start, found.start_time, found.end_time) == expected, (text, found.origins)
        named = (found.region, found.service_name, found.environment, found.other_regions)
        assert named == (SCENARIO.region, SCENARIO.service_name, SCENARIO.environment, others), (text, found.origins)
        assert found.threshold == SCENARIO.threshold and found.origins["threshold"].startswith("text"), text


@pytest.mark.parametrize("hand", HANDS)
def test_what_a_report_leaves_out_is_asked_except_for_the_start(hand: str) -> None:
    left_out = ("region", "service_name", "environment", "start")
    for omitted in (*((name,) for name in left_out), left_out):
        result = read_back(IncidentReport.model_validate({"hand": hand, "omit": omitted}))
        assert set(asked(result)) == set(omitted) - {"start"}, (hand, omitted, result)
        assert result.parameters is None or result.parameters.incident_start is None


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_the_demonstrations_are_read_back(demo: Demo) -> None:
    found = read_back(demo.report, demo.scenario).parameters
    assert found and found.region == demo.scenario.region and found.service_name == demo.scenario.service_name
    assert found.incident_start and abs(found.incident_start - demo.scenario.incident_start) < timedelta(minutes=20)
