"""Evaluates answers to questions: compares their rows with those of gold SQL (execution accuracy)."""

from eval.questions.book import Book, Question, books
from eval.questions.score import Scored, Verdict, ask_all

__all__ = ["Book", "Question", "Scored", "Verdict", "ask_all", "books"]
