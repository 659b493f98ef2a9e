"""`{parameter}` in a query becomes a bound parameter: never a text that is put into the SQL."""

import re

from tsg_agent.errors import GuideError
from tsg_agent.guides.guide import Query, WrittenGuide
from tsg_agent.models import ColumnKind

NAME = r"\{\s*([A-Za-z_]\w*)\s*\}"
PART = re.compile(
    rf"""
    (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))  # what is not closed goes to the end: it is read once
    | (?P<interval>\binterval\s+)?'(?P<text>(?:[^']|'')*)(?:'|\Z)
    | "(?P<quoted>(?:[^"]|"")*)(?:"|\Z)
    | (?P<bare>{NAME})
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
ONE = re.compile(NAME)
TIME_NAME = re.compile(
    r"(?:^|_)(?:timestamp|at|since|until|ts|datetime|date)$|^(?:start|end|begin|from|to|now)$|_(?:start|end)$|"
    r"^(?:start|end|begin|incident|window|from|to)_(?:time|ts|date|at|start|end)"
)
"""Names of parameters that are times."""


def bind(sql: str, mark: str = ":") -> str:
    """The SQL with `:name` (or another mark) for each placeholder, line by line where it was. Raises GuideError.

    `'{name}'` and `{name}` are the value itself; a text around it is joined to it. What would name a table or a
    column cannot be bound, and is refused.
    """
    return PART.sub(lambda part: _bound(part, mark), sql)


def first_named(query: Query) -> dict[str, int]:
    """The parameters that a query names, with the first line that does."""
    found: dict[str, int] = {}
    for part in PART.finditer(query.sql):
        if not part["comment"]:
            for name in ONE.finditer(part.group()):
                found.setdefault(name[1], query.line + query.sql.count("\n", 0, part.start() + name.start()))
    return found


def bound_in(guide: WrittenGuide, name: str) -> list[int]:
    """The steps that use a parameter: whose queries name it, whose verdicts need it, or that ends with it."""
    found = []
    for step in guide.steps:
        compares = step.annotation is not None and step.annotation.judged and name == "incident_start"
        queried = any(name in first_named(query) for query in step.queries)
        if queried or compares or (step.final and name in step.asked):
            found.append(step.number)
    return found


def quoted(query: Query) -> dict[str, int]:
    """The parameters that stand inside a text's quotes, with the first line that has them."""
    found: dict[str, int] = {}
    for part in PART.finditer(query.sql):
        if part["text"] is not None:
            for name in ONE.findall(part["text"]):
                found.setdefault(name, query.line + query.sql.count("\n", 0, part.start()))
    return found


def kind_of_name(name: str, sql: str) -> ColumnKind:
    """What a parameter holds, where nothing says so: a time by its name, a number where it is not quoted."""
    if TIME_NAME.search(name.lower()):
        return "timestamp"
    used = [part for part in PART.finditer(sql) if not part["comment"] and name in ONE.findall(part.group())]
    before = [sql[max(0, part.start() - 12) : part.start()] for part in used]
    ordered = any(re.search(r"(?:[<>]=?|\blimit|\binterval)\s*$", text, re.IGNORECASE) for text in before)
    return "number" if ordered and all(part["bare"] for part in used) else "text"


def _bound(part: re.Match[str], mark: str) -> str:
    if part["comment"]:
        return ONE.sub(lambda name: name[1], part.group())
    if part["bare"]:
        return ONE.sub(lambda name: mark + name[1], part["bare"])
    if part["quoted"] is not None:
        if ONE.search(part["quoted"]):
            raise GuideError(
                f"{part.group()} would put a parameter's value in the place of a name.",
                fix="Write the table's or the column's name out: only values can be bound.",
            )
        return part.group()
    names = ONE.findall(part["text"])
    before = part["interval"] or ""
    if not names:
        return part.group()
    lines = "\n" * part["text"].count("\n")
    whole = ONE.fullmatch(part["text"].strip())
    value = f"{mark}{whole[1]}" if whole else _joined(part["text"], mark)
    return f"CAST({value} AS INTERVAL){lines}" if before else f"{value}{lines}"


def _joined(text: str, mark: str) -> str:
    """A text with values inside, as a concatenation."""
    pieces = ONE.split(text)
    parts = [
        f"{mark}{piece}" if index % 2 else f"'{piece}'" for index, piece in enumerate(pieces) if piece or index % 2
    ]
    return f"({' || '.join(parts)})"
