"""The questions with gold SQL, and that their score can fail."""

from pathlib import Path

import pytest

from eval.questions import Book, Question, Verdict, ask_all, books
from eval.questions.score import differing

ROWS = [("web", 3, 1.5), ("ios", 2, 0.5)]
NAMES = ["client_type", "failures", "failure_rate"]
TABLE = [
    {"client_type": "web", "requests": 200, "failures": 3, "failure_rate": 1.5},
    {"client_type": "ios", "requests": 400, "failures": 2, "failure_rate": 0.5},
]
ONE = Question.model_validate({"ask": "?", "rows": "SELECT 1"})


def test_there_are_enough_questions_and_two_of_five_are_held_back() -> None:
    questions = [question for book in books() for question in book.questions]
    held = sum(question.held for question in questions)
    assert len(questions) >= 150
    assert 0.35 < held / len(questions) < 0.6


def test_equal_rows_do_not_differ_in_any_order() -> None:
    assert differing(NAMES, ROWS, TABLE, ONE) == ""
    assert differing(NAMES, ROWS, TABLE[::-1], ONE) == ""


@pytest.mark.parametrize(
    "table",
    [
        TABLE[:1],
        [TABLE[0], {**TABLE[1], "failures": 9}],
        [TABLE[0], {**TABLE[1], "client_type": "android"}],
        [{**row, "failures": row["requests"], "others": row["failures"]} for row in TABLE],
    ],
    ids=["missing", "figure", "name", "renamed"],
)
def test_other_rows_differ(table: list[dict[str, str | int | float]]) -> None:
    assert differing(NAMES, ROWS, table, ONE)


def test_the_order_counts_where_it_is_asked_for() -> None:
    ordered = ONE.model_copy(update={"order": True})
    assert differing(NAMES, ROWS, TABLE, ordered) == ""
    assert differing(NAMES, ROWS, TABLE[::-1], ordered)


@pytest.mark.slow
def test_no_open_question_of_a_book_is_answered_wrong(tmp_path: Path) -> None:
    book = next(book for book in books() if book.scenario.name == "limits")
    scored = ask_all(book, tmp_path, lambda question: not question.held)
    wrong = [one for one in scored if one.verdict in (Verdict.WRONG_SILENT, Verdict.WRONG_TOLD)]
    assert wrong == []
    assert sum(one.verdict is Verdict.RIGHT for one in scored) >= 0.8 * len(scored)


@pytest.mark.slow
def test_the_demonstration_is_answered_no_worse_than_when_it_was_counted(tmp_path: Path) -> None:
    book = next(book for book in books() if book.scenario.name == "demo")
    scored = ask_all(book, tmp_path)
    counted = {held: [one.verdict for one in scored if one.question.held is held] for held in (False, True)}
    assert counted[False].count(Verdict.RIGHT) >= 47
    assert not {Verdict.WRONG_SILENT, Verdict.WRONG_TOLD} & set(counted[False])
    assert counted[True].count(Verdict.RIGHT) >= 39
    assert counted[True].count(Verdict.WRONG_SILENT) <= 2


def test_a_wrong_gold_is_seen(tmp_path: Path) -> None:
    book = next(book for book in books() if book.scenario.name == "limits")
    lie = Question.model_validate({"ask": "how many requests failed?", "rows": "SELECT 1 + sum(e) AS failures FROM r"})
    made = Book(scenario=book.scenario, report=book.report, questions=(lie,))
    assert [one.verdict for one in ask_all(made, tmp_path)] == [Verdict.WRONG_SILENT]
