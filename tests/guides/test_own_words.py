"""The low-availability guide in our own words, as a guide in Markdown: it runs, and gives the rows it asks for."""

import re
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.tools.generated import REGIONS, SCOPE, frames, write
from tests.tools.oracle import differences, guide_query, guide_rows
from tests.tools.test_oracle import NUMBERS
from tsg_agent.guides import parse_guide
from tsg_agent.guides.as_markdown import as_markdown
from tsg_agent.guides.built_in import as_written
from tsg_agent.guides.guide import WrittenGuide
from tsg_agent.guides.investigate import investigate_with_guide
from tsg_agent.guides.lint import lint
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.tools import GUIDE


def markdown(numbers: Container[int] = NUMBERS) -> str:
    """Its steps and parameters as the built-in guide has them, its queries as the comparison with it has them."""
    asked = "\n".join(f"- `{one.name}`: {one.description}, UTC" for one in GUIDE.parameters)
    parts = [f"# Low availability\n\n## Step {GUIDE.asks} - Ask\n\n{asked}\n\nThen, in parallel, run Steps 2 to 10."]
    for step in GUIDE.steps:
        if step.number in numbers:
            sql = re.sub(r"\$(\w+)", r"{\1}", guide_query(step.number))
            block = f"<PLUGIN_{step.number}>\n{sql}\n</PLUGIN_{step.number}>"
            parts.append(f"## Step {step.step} - {step.title}\n\n{block}\n\nProceed to Step {GUIDE.concludes}.")
    return "\n\n".join([*parts, f"## Step {GUIDE.concludes} - Conclude\n\nThis is the final outcome.", ""])


def test_no_query_of_it_is_refused_or_does_not_run() -> None:
    found = lint(parse_guide(markdown()))
    wrong = {one.rule for one in found if one.severity == "error" and "PostgreSQL" not in one.engines}
    assert wrong == set()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_run_gives_the_rows_that_the_guide_asks_for(number: int, tmp_path: Path) -> None:
    folder = write(frames(number), tmp_path)
    scope: dict[str, Any] = SCOPE | {"region": REGIONS[0]}
    given = {name: str(value) for name, value in scope.items()}
    guide = parse_guide(markdown((number,)))
    report = investigate_with_guide(guide, "", str(folder), given=given, now=scope["end_time"])
    (found,) = (one for one in report.findings if one.plugin == number)
    assert found.status is Status.OK, found.reason
    wanted = guide_rows(folder, number, scope)
    rows = [
        {
            name: datetime.fromisoformat(value) if isinstance(wanted[place][name], datetime) else value
            for name, value in row.items()
        }
        for place, row in enumerate(found.rows)
    ]
    assert rows and differences(number, wanted[: len(rows)], rows) == []
    assert found.row_count == len(wanted)


def file_of_the_built_in_guide() -> WrittenGuide:
    return parse_guide(as_markdown(as_written(GUIDE, "Low availability", Settings())))


def test_the_built_in_guide_as_a_file_is_read_as_it_is() -> None:
    built_in, read = as_written(GUIDE, "Low availability", Settings()), file_of_the_built_in_guide()
    assert {(one.source, one.target, one.doubt) for one in read.edges} == {
        (e.source, e.target, "") for e in built_in.edges
    }
    assert [(one.step, one.number, one.sql.strip()) for one in read.queries] == [
        (one.step, one.number, one.sql.strip()) for one in built_in.queries
    ]
    assert [(one.name, one.kind) for one in read.parameters] == [(one.name, one.kind) for one in built_in.parameters]
    annotated = [[step.annotation and step.annotation.model_dump() for step in one.steps] for one in (read, built_in)]
    assert annotated[0] == annotated[1]
    assert (read.accepted, read.oddities) == (built_in.accepted, ())


@pytest.mark.slow
def test_nothing_is_reported_of_it_but_what_it_has_on_purpose() -> None:
    guide = file_of_the_built_in_guide()
    assert [one for one in lint(guide) if not one.accepted] == []
    for left_out in guide.accepted:
        without = guide.model_copy(update={"accepted": tuple(one for one in guide.accepted if one != left_out)})
        assert {one.rule for one in lint(without) if not one.accepted} == {left_out.rule}
