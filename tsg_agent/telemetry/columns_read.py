"""Which columns of its source an expression reads.

The parser is loaded for mapped expressions only: it takes 0.1 s, where most sources have a column for each.
"""

import re

PLAIN = re.compile(r'"([^"]+)"')
"""A column as it is."""


def columns_of(expression: str) -> set[str]:
    """See expressions.columns_of."""
    if plain := PLAIN.fullmatch(expression):
        return {plain[1].lower()}
    from tsg_agent.telemetry import expressions  # noqa: PLC0415 - see above

    return expressions.columns_of(expression)


def picked_from(expression: str) -> dict[str, str]:
    """See expressions.picked_from."""
    if PLAIN.fullmatch(expression):
        return {}
    from tsg_agent.telemetry import expressions  # noqa: PLC0415 - see above

    return expressions.picked_from(expression)
