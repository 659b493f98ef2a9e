"""Converts a source's outcome of a request to an HTTP status, which is what the guide counts.

Values without a rule become NULL, and a note names them: the outcome of those requests is unknown.
"""

import re
import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files

from tsg_agent.telemetry.column_readings import MISSING, Values
from tsg_agent.telemetry.values import Noted, any_row, literal

MANY = 1000
"""Most distinct values besides HTTP statuses that are converted; rarer ones are unknown."""
NAMED = 5
FLAGS = "response_flags"
"""Envoy's column of the reason for a missing response."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.0*)?")
_CLASS = re.compile(r"([1-5])XX")
_GRPC = re.compile(r"GRPC[ _:-]*(\d+)")
_LED = re.compile(r"(?:HTTP(?:/[\d.]+)?[ _]|[A-Z_]+/)?([1-5]\d\d)(?:[ ,;:].*)?")
"""A status after its protocol or a cache result (TCP_MISS/200), or before its reason phrase."""


@cache
def schemes() -> dict[str, dict[str, int]]:
    """Scheme -> value -> HTTP status, from statuses.toml."""
    text = files("tsg_agent.telemetry").joinpath("statuses.toml").read_text("utf-8")
    return tomllib.loads(text)


def http_status(value: str, scheme: str) -> int | None:
    """A value as an HTTP status; None if unknown. `scheme`: the meaning of numbers: http, grpc or exit."""
    text = value.strip().upper()
    if _NUMBER.fullmatch(text):
        number = int(float(text))
        if scheme == "http" and 100 <= number <= 599:
            return schemes()[scheme].get(str(number), number)
        return schemes()[scheme].get(str(number), schemes()[scheme].get("other"))
    if match := _GRPC.fullmatch(text):
        return schemes()["grpc"].get(match[1])
    if match := _CLASS.fullmatch(text):
        return int(match[1]) * 100
    if match := _LED.fullmatch(text):
        return int(match[1])
    return schemes()["words"].get(re.sub(r"[^A-Z0-9]+", "_", text).strip("_"))


def read_statuses(values: Values, found: str, held: Collection[str], scheme: str) -> Noted:
    """Read the status column. `found`: its type; `held`: the source's columns; `scheme`: the mapping's, or ""."""
    connection, source, expression = values.connection, values.source, values.expression
    scheme = scheme or _named(expression)
    as_number = "BIGINT" if not found.startswith("VARCHAR") else None
    finite = f"CASE WHEN isfinite({expression}) THEN {expression} END" if found in {"DOUBLE", "FLOAT"} else expression
    number = f"CAST({finite} AS BIGINT)" if as_number and found != "BOOLEAN" else f"TRY_CAST({expression} AS BIGINT)"
    plain = (
        f"coalesce({number} BETWEEN 100 AND 599, false)" if scheme in {"", "http"} and found != "BOOLEAN" else "false"
    )
    text = f"CAST({expression} AS VARCHAR)"
    odd = connection.execute(
        f"SELECT {text} AS v, count(*) FROM {source} WHERE NOT {plain} AND {expression} IS NOT NULL "  # noqa: S608 - checked expressions
        f"GROUP BY v ORDER BY count(*) DESC, v LIMIT {MANY}"
    ).fetchall()
    odd = [(value, rows) for value, rows in odd if value.strip().lower() not in MISSING]
    if not odd:
        return Noted(f"CASE WHEN {plain} THEN {number} END")
    scheme = scheme or _scheme([value for value, _ in odd], http=any_row(connection, f"{source} WHERE {plain}"))
    read = {value: http_status(_turned(value, expression, found), scheme) for value, _ in odd}
    arms = "".join(f" WHEN {literal(value)} THEN {status}" for value, status in read.items() if status is not None)
    zero = _zero() if scheme == "http" and "0" in read and FLAGS in held else ""
    value = f"CASE {text}{arms} END" if arms else "NULL"
    sql = f"CAST(CASE WHEN {plain} THEN {number}{zero.replace('{number}', number)} ELSE {value} END AS BIGINT)"
    return Noted(sql, tuple(_notes(odd, read, scheme, zero=bool(zero))))


def _turned(value: str, expression: str, found: str) -> str:
    """Invert a boolean if the column says whether the request failed, not whether it succeeded."""
    failed = found == "BOOLEAN" and re.search(r"err|fail|fault|exception", expression, re.IGNORECASE)
    return {"true": "false", "false": "true"}[value] if failed else value


def _named(expression: str) -> str:
    """The scheme by the column's name; "" if the name does not say, or the expression is no plain column."""
    if not re.fullmatch(r'"?[\w. -]+"?', expression):
        return ""
    if re.search(r"exit|return_?code", expression, re.IGNORECASE):
        return "exit"
    return "grpc" if re.search("grpc", expression, re.IGNORECASE) else ""


def _scheme(odd: list[str], *, http: bool) -> str:
    """The scheme of numbers that are no HTTP status: gRPC if all fit it, but exit codes if there are only 0 and 1."""
    numbers = {value for value in odd if _NUMBER.fullmatch(value)}
    if not http and numbers == {"0", "1"}:
        return "exit"
    return "grpc" if not http and numbers and numbers <= schemes()["grpc"].keys() else "http"


def _zero() -> str:
    flags = f"string_split(CAST({FLAGS} AS VARCHAR), ',')"
    arms = " ".join(
        f"WHEN list_contains({flags}, '{flag}') THEN {status or 'NULL'}" for flag, status in schemes()["flags"].items()
    )
    return f" WHEN {{number}} = 0 THEN CASE {arms} ELSE {schemes()['http']['0']} END"


def _notes(odd: list[tuple[str, int]], read: dict[str, int | None], scheme: str, *, zero: bool) -> list[str]:
    kind = {"grpc": "gRPC codes", "exit": "exit codes"}.get(scheme, "what is no HTTP status")
    known = [f"{value!r} as {read[value]}" for value, _ in odd if read[value] is not None]
    notes = []
    if known:
        shown = ", ".join(known[:NAMED]) + (f" and {len(known) - NAMED} more" if len(known) > NAMED else "")
        by_flags = f", 0 by {FLAGS}" if zero else ""
        rows = sum(count for value, count in odd if read[value] is not None)
        notes.append(
            f"status_code holds {kind} in {rows:,} rows, read as the HTTP status that is its equal: {shown}{by_flags}."
        )
    unknown = [(value, count) for value, count in odd if read[value] is None]
    if unknown:
        shown = ", ".join(repr(value[:40]) for value, _ in unknown[:NAMED])
        rows = sum(count for _, count in unknown)
        notes.append(
            f"status_code holds {shown} in {rows:,} rows, which is no status: how these were answered is unknown."
        )
    return notes
