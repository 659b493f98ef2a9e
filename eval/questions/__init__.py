"""Questions with gold SQL: asked, and their answers' rows compared with the gold's."""

from eval.questions.book import Book, Question, books
from eval.questions.score import Scored, Verdict, ask_all

__all__ = ["Book", "Question", "Scored", "Verdict", "ask_all", "books"]
