"""The JSON Schema of a Report, shipped as report.schema.json. `python -m tsg_agent.report.schema` rewrites it."""

import json
from pathlib import Path
from typing import Any

from tsg_agent.models import Report

FILE = Path(__file__).with_name("report.schema.json")


def report_schema() -> dict[str, Any]:
    """The JSON Schema of a serialized Report, from the model."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The text of the shipped file."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Rewrite the shipped file."""
    FILE.write_text(schema_text(), "utf-8")


if __name__ == "__main__":
    main()
