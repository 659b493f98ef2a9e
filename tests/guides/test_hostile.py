"""A guide is anybody's file: whatever it holds, reading and linting it ends, and nothing of it is run unseen."""

import pytest

from tests.guides.small import BY_CARD, STATES, guide_of, text_of
from tsg_agent.errors import GuideError
from tsg_agent.guides import parse_guide
from tsg_agent.guides.lint import lint
from tsg_agent.guides.show import in_words, mermaid

LONG = 20_000


@pytest.mark.parametrize(
    "says",
    [
        "a" * LONG, "go to " * LONG, "Step 1" + "," * LONG, "If " + "A, " * LONG, "_" * LONG, "over 5 " * LONG,
        "- " * LONG, "A_" * LONG, "**" * LONG, "| " * LONG, "\u202e" * LONG, "If STUCK " + "otherwise " * LONG,
    ],
)  # fmt: skip
def test_prose_of_any_kind_is_read(says: str) -> None:
    guide = guide_of(STATES, says)
    assert lint(guide)
    assert list(in_words(guide))
    assert mermaid(guide)


@pytest.mark.parametrize(
    "sql",
    [
        "/*" * LONG, "'" * (LONG + 1), '"' * (LONG + 1), "{a" * LONG, "{site}" * LONG,
        "SELECT " + "-" * LONG, "(" * LONG,
        "SELECT CASE " + "WHEN code > 1 THEN 'A' " * 300 + "END FROM payments",
        "SELECT 1 " + "UNION ALL SELECT 1 " * 300,
        "SELECT " + " + ".join(["code"] * 3000) + " FROM payments", "\x00", "SELECT '\ud800'",
        "SELECT json_extract_string(card, '$..*') AS held FROM payments",
    ],
)  # fmt: skip
def test_queries_of_any_kind_are_read_or_refused(sql: str) -> None:
    guide = guide_of(sql, "Proceed to Step 3.")
    assert isinstance(lint(guide), list)


def test_comments_that_are_not_closed_are_no_comments() -> None:
    guide = parse_guide(text_of(says="<!-- " * LONG + "Proceed to Step 3."))
    assert len(guide.steps) == 3
    hidden = parse_guide(text_of(says="<!--\nProceed to Step 9.\n-->\nProceed to Step 3."))
    assert [edge.target for edge in hidden.after(2)] == [3]


def test_a_step_that_is_there_twice_is_said_and_not_mixed() -> None:
    twice = text_of().replace("## Step 3 - End", "## Step 2 - Look again")
    guide = parse_guide(twice)
    assert "twice" in guide.oddities[0].text
    assert [query.sql for query in guide.step(2).queries] == [BY_CARD]


def test_too_many_steps_are_refused() -> None:
    with pytest.raises(GuideError, match="steps"):
        parse_guide("".join(f"## Step {number}\n" for number in range(1, 300)))
