"""The `$name` parameters of a query."""

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
    """The parameters' names, unique, in order of appearance; not those in string literals, quoted names or comments."""
    return list(dict.fromkeys(part["name"] for part in _PART.finditer(sql) if part["name"]))
