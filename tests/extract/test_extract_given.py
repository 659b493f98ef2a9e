"""Times that are given as flags or by a program: one behaviour, the same as the tools'."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from tsg_agent import Request
from tsg_agent.extract import Given
from tsg_agent.tools.rows import WindowArgs

TWO = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
WRITTEN = [
    "2026-03-10T14:00Z", "2026-03-10 14:00", "2026-03-10T14:00:00", "2026-03-10T16:00+02:00", "20260310T140000Z",
    datetime(2026, 3, 10, 14, 0), datetime(2026, 3, 10, 9, 0, tzinfo=timezone(timedelta(hours=-5))), TWO,
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_a_time_without_offset_is_utc_in_flags_requests_and_tools(written: object) -> None:
    for name in ("start_time", "end_time", "incident_start"):
        assert getattr(Given.model_validate({name: written}), name) == TWO
    assert Request.model_validate({"text": "", "telemetry": "x", "now": written}).now == TWO
    window = {"start_time": written, "end_time": "2026-03-10T15:00Z", "region": "us-east", "environment": "prod"}
    assert WindowArgs.model_validate(window).start_time == TWO


@pytest.mark.parametrize(
    "written", ["14:00", "2026-03-10", "20260310", "yesterday", "2026-03-10T14:00 PST", "1773151200"]
)
def test_what_is_no_time_says_what_to_write(written: str) -> None:
    with pytest.raises(ValidationError, match="2026-03-10T14:00Z"):
        Given.model_validate({"incident_start": written})


def test_every_field_of_a_request_is_described() -> None:
    for model in (Request, Given):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
