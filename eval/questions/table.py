"""Prints the scores of questions."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from eval.questions.score import Scored, Verdict


def shown(scored: list[Scored], console: Console) -> None:
    """Print the verdicts' counts for open and held-out questions, then each question that is not RIGHT."""
    table = Table("questions", "all", *Verdict)
    for name, some in (("open", False), ("held", True)):
        of = Counter(one.verdict for one in scored if one.question.held is some)
        if total := sum(of.values()):
            table.add_row(name, str(total), *(f"{of[one]} ({100 * of[one] / total:.0f} %)" for one in Verdict))
    console.print(table)
    for one in scored:
        if one.verdict is not Verdict.RIGHT:
            console.print(f"{one.verdict}: {one.book}: {one.question.ask} {one.why}", markup=False, soft_wrap=True)
