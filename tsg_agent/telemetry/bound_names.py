"""Which `$name` parameters a query has."""

import re

_PART = re.compile(
    r"""
    '(?:[^']|'')*'          # a text,
    | "(?:[^"]|"")*"        # a quoted name
    | --[^\n]* | /\*.*?\*/  # and a comment hold none
    | \$(?P<name>[a-z_][a-z0-9_]*)
    """,
    re.VERBOSE | re.DOTALL,
)


def parameters_in(sql: str) -> list[str]:
    """The names, each once, in their order; what stands in a text, a quoted name or a comment is none."""
    return list(dict.fromkeys(part["name"] for part in _PART.finditer(sql) if part["name"]))
