"""Step 1 with a model: what counts of its reading, what it may fill, and what is asked."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tsg_agent.extract import Extraction, Given, Known, extract
from tsg_agent.llm.report_reading import Reading, checked, combined
from tsg_agent.models import Doubt

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
        ("incident_start", "0001-01-01T00:00+14:00", "It started at 2026-03-10T14:00Z", "no time"),
        ("incident_start", "9999-12-31T23:59-12:00", "It started at 2026-03-10T14:00Z", "no time"),
        ("incident_start", "2026-03-11T14:00Z", "It started at 2026-03-10T14:00Z", "future"),
        ("incident_start", "2024-03-10T14:00Z", "It started at 2026-03-10T14:00Z", "telemetry covers"),
        ("incident_start", "2026-03-10T14:20Z", "Declared 14:20", "when it was reported"),
        (
            "incident_start",
            "2026-03-10T13:07Z",
            "It started at 2026-03-10T14:00Z",
            "its words say 2026-03-10T14:00:00Z",
        ),
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


def test_a_disputed_start_within_the_window_is_measured_and_both_are_told() -> None:
    text = TEXT + " On the dashboards errors were first up a little at 13:30."
    found = both(text, said(incident_start=("2026-03-10T13:30:00Z", "errors were first up a little at 13:30")))
    assert found.parameters and found.parameters.incident_start == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    (note,) = [note for note in found.notes if "the telemetry decides" in note]
    assert "2026-03-10T14:00:00Z" in note and "2026-03-10T13:30:00Z" in note


@pytest.mark.parametrize("exact", [True, False])
def test_a_disputed_start_that_is_exact_or_far_away_is_asked_with_both_answers(exact: bool) -> None:
    clock = "13:30" if exact else "10:30"
    text = TEXT + f" On the dashboards errors were first up a little at {clock}."
    reply = said(incident_start=(f"2026-03-10T{clock}:00Z", f"errors were first up a little at {clock}"))
    (question,) = both(text, reply, Given(exact_start=exact)).questions
    assert question.parameter == "incident_start"
    assert question.candidates == ("2026-03-10T14:00:00Z", f"2026-03-10T{clock}:00Z")


def test_a_disputed_region_is_asked() -> None:
    text = "Region: us-east. Service: shop.gateway, prod. Started 2026-03-10T14:00Z. Most of it is felt in us-west."
    found = both(text, said(region=("us-west", "felt in us-west")))
    (question,) = found.questions
    assert (question.parameter, question.candidates) == ("region", ("us-east", "us-west"))
    settled = both(text, said(region=("us-west", "felt in us-west")), Given(region="us-west"))
    assert settled.parameters is not None
    assert settled.parameters.region == "us-west"


SEVERAL = "shop.gateway in us-east (prod) is failing. It started at 2026-03-10T14:00Z. It began at 2026-03-10T17:00Z."
UNCLEAR = "shop.gateway in us-east (prod) is failing. It started on 03/10/2026 at 14:00 UTC."
OTHER = "shop.gateway in us-east (prod) is failing. It started on 03/10/2026 at 14:00 UTC; broken: 2026-03-10T14:00Z."


def test_of_several_times_none_is_taken_whatever_the_model_reads() -> None:
    (alone,) = rules(SEVERAL)(Given()).unsettled
    assert alone.doubt is Doubt.SEVERAL
    found = both(SEVERAL, said(incident_start=("2026-03-10T14:00:00Z", "It started at 2026-03-10T14:00Z")))
    assert found.parameters is not None and found.parameters.incident_start is None
    assert found.parameters.start_time == datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    assert any("what the model read as incident_start: the text allows several" in note for note in found.notes)


def test_an_unclear_time_is_asked_and_the_models_reading_is_a_candidate() -> None:
    now = datetime(2026, 11, 10, tzinfo=UTC)
    known = KNOWN.model_copy(update={"first": datetime(2026, 3, 1, tzinfo=UTC), "last": now})
    asking = partial(extract, UNCLEAR, known, now=now, window_hours=2, default_threshold=99.9)
    assert asking(Given()).questions[0].doubt is Doubt.UNCLEAR
    reply = said(incident_start=("2026-03-10T14:00:00Z", "It started on 03/10/2026 at 14:00 UTC"))
    (question,) = combined(asking, Given(), checked(reply, UNCLEAR, known, now)).questions
    assert question.candidates == ("2026-03-10T14:00:00Z", "2026-10-03T14:00:00Z")
    assert "The model reads" in question.text


def test_an_unclear_time_is_settled_where_the_text_writes_one_of_its_readings_out() -> None:
    now = datetime(2026, 11, 10, tzinfo=UTC)
    known = KNOWN.model_copy(update={"first": datetime(2026, 3, 1, tzinfo=UTC), "last": now})
    asking = partial(extract, OTHER, known, now=now, window_hours=2, default_threshold=99.9)
    assert asking(Given()).questions
    full = said(incident_start=("2026-03-10T14:00:00Z", "broken: 2026-03-10T14:00Z"))
    found = combined(asking, Given(), checked(full, OTHER, known, now))
    assert found.parameters is not None
    assert found.parameters.incident_start == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    third = said(incident_start=("2026-03-10T14:00:00Z", "at 14:00 UTC; broken"))
    assert combined(asking, Given(), checked(third, OTHER, known, now)).questions[0].parameter == "incident_start"


def test_of_several_services_the_model_chooses_none() -> None:
    text = "shop.gateway calls billing.gateway in us-east, prod. It started at 2026-03-10T14:00Z."
    found = both(text, said(service_name=("billing.gateway", "calls billing.gateway")))
    (question,) = found.questions
    assert question.parameter == "service_name"
    assert set(question.candidates) == {"shop.gateway", "billing.gateway"}


def test_a_region_that_the_telemetry_does_not_have_is_asked_though_the_model_reads_another() -> None:
    text = "Region: eu-north-1. Service: shop.gateway, prod. Started 2026-03-10T14:00Z. Dashboards of us-west are red."
    (question,) = both(text, said(region=("us-west", "Dashboards of us-west are red"))).questions
    assert question.parameter == "region"
    assert "us-west" in question.candidates
    assert "eu-north-1" in question.text


def test_beside_a_window_an_ambiguous_start_stays_unknown() -> None:
    text = (
        "shop.gateway, us-east, prod. start_time: 2026-03-10T12:00Z, end_time: 2026-03-10T16:00Z. "
        "It started at 2026-03-10T14:00Z. It began at 2026-03-10T17:00Z."
    )
    alone = rules(text)(Given())
    assert alone.parameters is not None
    assert alone.parameters.incident_start is None
    found = both(text, said(incident_start=("2026-03-10T14:00:00Z", "It started at 2026-03-10T14:00Z")))
    assert found.parameters is not None
    assert found.parameters.incident_start is None
    assert "Not used, what the model read as incident_start: the text allows several." in found.notes


def test_a_window_is_not_opened_where_the_incident_began() -> None:
    text = "shop.gateway in us-east (prod): the outage ran from 2026-03-10T14:00Z to 2026-03-10T15:15Z."
    quote = "from 2026-03-10T14:00Z to 2026-03-10T15:15Z"
    found = both(text, said(window_start=("2026-03-10T14:00Z", quote), window_end=("2026-03-10T15:15Z", quote)))
    assert found.parameters
    assert found.parameters.incident_start == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    assert found.parameters.start_time == datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    assert found.parameters.end_time == datetime(2026, 3, 10, 15, 15, tzinfo=UTC)
    assert any("start_time" in note and "what comes before" in note for note in found.notes)


LATER = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
MISREAD = [
    # the zone is dropped, or turned the wrong way
    ("Seit 15:00 MEZ wirft shop.gateway (us-east, prod) nur noch 500er.", "2026-03-10T15:00:00Z", "Seit 15:00 MEZ"),
    ("shop.gateway us-east prod failing since 09:30 EDT", "2026-03-10T14:30:00Z", "failing since 09:30 EDT"),
    # another event's time
    ("shop.gateway us-east prod: deploy at 13:50, errors since 14:00", "2026-03-10T13:50:00Z", "deploy at 13:50"),
    ("shop.gateway us-east prod: 13:50 release of 3.1, errors since 14:00", "2026-03-10T13:50:00Z", "13:50 release"),
    (
        "shop.gateway us-east prod: despliegue a las 13:50, los errores",
        "2026-03-10T13:50:00Z",
        "despliegue a las 13:50",
    ),
    ("shop.gateway us-east prod fails, reported at 14:20", "2026-03-10T14:20:00Z", "reported at 14:20"),
    # now
    ("shop.gateway us-east prod is failing right now", "2026-03-10T17:00:00Z", "failing right now"),
    ("shop.gateway us-east prod is failing. It is 16:40 now.", "2026-03-10T16:40:00Z", "It is 16:40 now"),
]


@pytest.mark.parametrize(("text", "value", "quote"), MISREAD)
def test_a_start_that_the_words_do_not_bear_changes_nothing_and_is_told(text: str, value: str, quote: str) -> None:
    rule = partial(extract, text, KNOWN, now=LATER, window_hours=2, default_threshold=99.9)
    reading = checked(said(incident_start=(value, quote)), text, KNOWN, LATER)
    found, alone = combined(rule, Given(), reading), rule(Given())
    assert found.parameters == alone.parameters
    (note,) = set(found.notes) - set(alone.notes)
    assert quote in note and "Not used, what the model read as incident_start" in note


BORNE = [
    "shop.gateway (us-east, prod) は14:05頃からエラーを返しています。",
    "shop.gateway (us-east, prod) は3月10日14時5分からエラーです。",
    "shop.gateway (us-east, prod) está fora desde as 14h05",
    "shop.gateway (us-east, prod) ligger nede siden kl. 14:05",
    "shop.gateway (us-east, prod) got hosed, kicked off 14:05",
]


@pytest.mark.parametrize("text", BORNE)
def test_words_that_bear_a_start_count_in_any_language(text: str) -> None:
    rule = partial(extract, text, KNOWN, now=LATER, window_hours=2, default_threshold=99.9)
    reading = checked(said(incident_start=("2026-03-10T14:05:00Z", text[-24:])), text, KNOWN, LATER)
    found = combined(rule, Given(), reading)
    assert found.parameters and found.parameters.incident_start == datetime(2026, 3, 10, 14, 5, tzinfo=UTC)
