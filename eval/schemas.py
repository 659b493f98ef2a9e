"""The protocol's JSON Schemas, from the models: `python -m eval.schemas` writes them."""

import json
from pathlib import Path

from eval.answer import Answer, Question

FOLDER = Path(__file__).parent / "protocol"


def schemas() -> dict[str, str]:
    """File name -> text."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2) + "\n"
        for name, model in (("question", Question), ("answer", Answer))
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
