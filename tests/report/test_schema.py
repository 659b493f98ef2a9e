"""The shipped JSON Schema is the model's, and reports keep it."""

import json

import jsonschema
import pytest

from tests.samples import SAMPLES
from tsg_agent.report.schema import FILE, schema_text

HARNESS_NAMES = {
    "parameters",
    "sla",
    "causes",
    "rejected",
    "gaps",
    "actions",
    "communication",
    "findings",
    "usage",
}
CAUSE_NAMES = {
    "rank",
    "confidence",
    "tier",
    "step",
    "label",
    "subject",
    "statement",
    "onset",
    "contrast",
    "evidence",
}


def test_the_shipped_schema_is_current() -> None:
    assert FILE.read_text("utf-8") == schema_text(), "run python -m tsg_agent.report.schema"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_report_keeps_the_schema(name: str) -> None:
    schema = json.loads(FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(SAMPLES[name]().model_dump_json()), schema)


def test_the_schema_has_the_names_that_harnesses_rely_on() -> None:
    schema = json.loads(FILE.read_text("utf-8"))
    assert set(schema["required"]) >= HARNESS_NAMES
    assert set(schema["$defs"]["Cause"]["required"]) >= CAUSE_NAMES
    assert schema["additionalProperties"] is False


def test_a_report_with_another_name_breaks_the_schema() -> None:
    data = json.loads(SAMPLES["no_incident"]().model_dump_json())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"more": 1}, json.loads(FILE.read_text("utf-8")))
