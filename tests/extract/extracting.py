"""One telemetry and one clock for the tests of extraction."""

from datetime import UTC, datetime

from tsg_agent.extract import Extraction, Given, Known, extract

NOW = datetime(2024, 1, 20, 10, 0, tzinfo=UTC)
KNOWN = Known(
    regions=("us-east", "us-west", "us-west-2", "eu-central"),
    services=("api.gateway.main", "PetSite", "payments"),
    environments=("prod", "staging", "dev"),
    first=datetime(2024, 1, 18, tzinfo=UTC),
    last=datetime(2024, 1, 20, 10, 0, tzinfo=UTC),
)
PLACE = "api.gateway.main in us-east prod. "


def run(
    text: str, known: Known = KNOWN, now: datetime = NOW, *, ranges_are_windows: bool = False, **given: object
) -> Extraction:
    """Extract with the guide's window of 2 h and a default threshold of 99.9 %."""
    return extract(
        text,
        known,
        Given.model_validate(given),
        now=now,
        window_hours=2,
        default_threshold=99.9,
        ranges_are_windows=ranges_are_windows,
    )


def iso(value: datetime | None) -> str | None:
    """20T06:30 is enough in tests: the day and the time, UTC."""
    if value is None:
        return None
    assert value.utcoffset() == UTC.utcoffset(None)
    return value.strftime("%dT%H:%M" if value.year == 2024 and value.month == 1 else "%Y-%m-%dT%H:%M")


def asked(result: Extraction) -> dict[str, tuple[str, ...]]:
    """Parameters asked for, with the candidates."""
    assert result.parameters is None or not result.questions
    return {question.parameter: question.candidates for question in result.questions}
