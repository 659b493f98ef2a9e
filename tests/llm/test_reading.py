"""Step 1 with a model: what counts of its reading, what it may fill, and what is asked."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tsg_agent.extract import Extraction, Given, Known, extract
from tsg_agent.llm.reading import Reading, checked, combined

NOW = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
KNOWN = Known(
    regions=("us-east", "us-west"),
    services=("shop.gateway", "billing.gateway"),
    environments=("prod", "staging"),
    first=datetime(2026, 3, 10, 10, 0, tzinfo=UTC),
    last=datetime(2026, 3, 10, 17, 0, tzinfo=UTC),
)
TEXT = "shop.gateway in us-east (prod) is failing. It started at 2026-03-10T14:00Z. SLA: 99.9 %. Declared 14:20."
OPEN = (
    "shop.gateway in prod is failing for shoppers on the us-east side. Kicked off, first seen 14:00 on 10 March 2026."
)


def said(**fields: tuple[Any, str]) -> dict[str, Any]:
    return {name: {"value": value, "quote": quote} for name, (value, quote) in fields.items()}


def rules(text: str) -> Any:
    return partial(extract, text, KNOWN, now=NOW, window_hours=2, default_threshold=99.9)


def both(text: str, reply: dict[str, Any], given: Given | None = None) -> Extraction:
    reading = Reading.model_validate_json(
        checked(reply, text, KNOWN, NOW).model_dump_json()
    )  # as a checkpoint keeps it
    return combined(rules(text), given or Given(), reading)


@pytest.mark.parametrize(
    ("field", "value", "quote", "why"),
    [
        ("region", "us-east", "in eu-north", "not in the text"),
        ("region", "mars", "in us-east", "does not know it"),
        ("region", "us-west", "in us-east", "does not name it"),
        ("incident_start", "yesterday", "It started at 2026-03-10T14:00Z", "no time"),
        ("incident_start", "2026-03-11T14:00Z", "It started at 2026-03-10T14:00Z", "future"),
        ("incident_start", "2024-03-10T14:00Z", "It started at 2026-03-10T14:00Z", "telemetry covers"),
        ("incident_start", "2026-03-10T14:20Z", "Declared 14:20", "does not say so"),
        ("incident_start", "2026-03-10T13:07Z", "It started at 2026-03-10T14:00Z", "another time"),
        ("threshold", 12, "SLA: 99.9 %", "does not name it"),
        ("threshold", "high", "SLA: 99.9 %", "no number"),
        ("threshold", 990, "SLA: 99.9 %", "no percentage"),
    ],
)
def test_what_the_text_or_the_telemetry_does_not_bear_out_is_left(field: str, value: Any, quote: str, why: str) -> None:
    reading = checked(said(**{field: (value, quote)}), TEXT, KNOWN, NOW)
    assert reading.values == {}
    assert why in reading.notes[0]


def test_agreement_changes_nothing() -> None:
    reply = said(
        region=("us-east", "in us-east"), incident_start=("2026-03-10T14:00:00Z", "started at 2026-03-10T14:00Z")
    )
    assert both(TEXT, reply) == rules(TEXT)(Given())


def test_what_the_rules_left_open_is_filled_and_says_where_from() -> None:
    alone = rules(TEXT.replace("It started at 2026-03-10T14:00Z.", "It broke when 2026-03-10T14:00Z struck."))(Given())
    text = TEXT.replace("It started at 2026-03-10T14:00Z.", "It broke when 2026-03-10T14:00Z struck.")
    found = both(text, said(incident_start=("2026-03-10T14:00:00Z", "It broke when 2026-03-10T14:00Z struck")))
    assert alone.parameters is None or alone.parameters.incident_start is None
    assert found.parameters is not None
    assert found.parameters.incident_start == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    assert found.parameters.origins["incident_start"].startswith("model, text: “It broke when")


def test_a_disputed_time_is_asked_with_both_answers() -> None:
    text = TEXT + " On the dashboards errors were first up a little at 13:30."
    found = both(text, said(incident_start=("2026-03-10T13:30:00Z", "errors were first up a little at 13:30")))
    (question,) = found.questions
    assert question.parameter == "incident_start"
    assert question.candidates == ("2026-03-10T14:00:00Z", "2026-03-10T13:30:00Z")


def test_a_disputed_region_is_asked() -> None:
    text = "Region: us-east. Service: shop.gateway, prod. Started 2026-03-10T14:00Z. Most of it is felt in us-west."
    found = both(text, said(region=("us-west", "felt in us-west")))
    (question,) = found.questions
    assert (question.parameter, question.candidates) == ("region", ("us-east", "us-west"))
    settled = both(text, said(region=("us-west", "felt in us-west")), Given(region="us-west"))
    assert settled.parameters is not None
    assert settled.parameters.region == "us-west"
