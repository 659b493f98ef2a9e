"""Writes JSON, mail, HTML and tables in a report out as lines of "name: value", which are then read as text.

Alertmanager, PagerDuty, Datadog, Grafana, Opsgenie and CloudWatch name the same few fields differently. If an alert is
over, the time of its last change is written as its end. Parameters are also read from the fields themselves.
"""

import email
import email.policy
import html
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, NamedTuple

from pydantic import ValidationError

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.words import any_of, data

_MOST_LINES = 2_000
_MOST_PAYLOADS = 20
_DEEPEST = 24
_OPENS = re.compile(r'\{\s*"|\[\s*\{\s*"|\[\s*\[\s*\{')
_WORDS = data("payloads")
_STATES, _NAMES, _LATER = _WORDS["states"], _WORDS["names"], _WORDS["later"]
_STATE = re.compile(rf"(?:.*\W)?(?:(?P<over>{any_of(_WORDS['over'])})|{any_of(_WORDS['goes_on'])})", re.IGNORECASE)
_ENTITIES = re.compile(rf"(?:.*_)?{any_of(_WORDS['entities'])}", re.IGNORECASE)
_NOISE = re.compile(rf"(?:.*_)?{any_of(_WORDS['noise'])}")
_CHANGED = re.compile(any_of(_WORDS["changed"]))
_SPAN = re.compile(r"(?:time_?|analysis_?|query_?)?(?:window|range|period)", re.IGNORECASE)
_TIMELIKE = re.compile(r"time|date|(?:^|_)(?:ts|at|since|until|start|end)$|(?<=[a-z])(?:At|On)$|stamp", re.IGNORECASE)
_HTML = re.compile(r"<(?:html|body|table|div|p|br|td|span|ul|h[1-6])\b[^>]{0,300}>", re.IGNORECASE)
_MIME = re.compile(r"^(?:Content-Transfer-Encoding|MIME-Version|Content-Type: multipart)\b", re.I | re.M)


def unfolded(text: str) -> str:
    """A text with its structure as lines; plain text stays as it is."""
    text = _mail(text) if _MIME.search(text[:8_000]) else text
    text = _tables(_chat(_plain(text) if _HTML.search(text) else text))
    position = 0
    for _ in range(_MOST_PAYLOADS):
        if match := _OPENS.search(text, position):
            position = match.end()
            with suppress(ValueError, RecursionError):
                found, end = json.JSONDecoder().raw_decode(text, match.start())
                head = "\n".join([text[: match.start()], *lines(found), ""])
                text, position = head + text[end:], len(head)
    return text


class Field(NamedTuple):
    """A leaf of a payload: its name in snake case, and how deep it is."""

    depth: int
    name: str
    value: Any


def lines(payload: Any) -> list[str]:
    """A payload's fields as "name: value" lines, the outer ones first; at most `_MOST_LINES`."""
    found = fields(payload)
    over = is_over(found)
    return list(islice(filter(None, (_line(one.name, one.value, over=over) for one in found)), _MOST_LINES))


def is_over(found: Iterable[Field]) -> bool:
    """Whether an alert is over, by the outermost field that tells its state."""
    states = sorted((one for one in found if one.name in _STATES), key=lambda one: (one.depth, _STATES.index(one.name)))
    told = (match["over"] for one in states if (match := _STATE.fullmatch(str(one.value))))
    return bool(next(told, None))


def fields(node: Any, name: str = "", depth: int = 0) -> list[Field]:
    """All leaves of a payload, the outer ones first. Of several alerts, those that are still on."""
    if isinstance(node, str) and node.lstrip()[:1] in ("{", "["):  # as CloudWatch sends it through SNS
        with suppress(ValueError, RecursionError):
            node = json.loads(node)
    if depth > _DEEPEST or node in (None, ""):
        return []
    if isinstance(node, list):
        each = [fields(one, name, depth + 1) for one in node]
        return [*chain.from_iterable([one for one in each if not is_over(one)] or each)]
    if not isinstance(node, dict):
        return [Field(depth, snake_case(name), node)]
    called = [node[key] for key in _NAMES if isinstance(node.get(key), str)]  # "service": {"id": "1", "name": "shop"}
    found = [Field(depth, snake_case(name), one) for one in called[:1] if _ENTITIES.fullmatch(name)]
    paired = [node[key] for key in ("name", "key", "title") if isinstance(node.get(key), str)]
    if paired and "value" in node:  # {"name": "Service", "value": "checkout"}, the form of dimensions and attachments
        node = {paired[0]: node["value"]} | {key: value for key, value in node.items() if key != "value"}
    for key, value in sorted(node.items(), key=lambda item: isinstance(item[1], dict | list)):
        if not key.lower().startswith(("previous", "old")):
            inner = f"window {key}" if _SPAN.fullmatch(name) and key in ("start", "end") else key
            found += fields(value, inner, depth + 1)
    return found


def _line(name: str, value: Any, *, over: bool) -> str:
    """One field as a line; "" for a field that tells nothing of an incident."""
    said = (moment_of(value) if _TIMELIKE.search(name) else "") or str(value).strip()
    if over and _CHANGED.fullmatch(name):
        return f"Resolved at: {said}"
    if _NOISE.fullmatch(name) or (name in _LATER and not over):
        return ""
    label = name.replace("_", " ").capitalize()
    return f"{label}: {said}" if label else said


def snake_case(name: str) -> str:
    """A field's name in snake case, with `_at` for `_on`."""
    snake = re.sub(r"[-. ]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()
    return re.sub(r"_on$", "_at", snake)


def moment_of(value: Any) -> str:
    """Seconds, milli-, micro- or nanoseconds since 1970 as ISO 8601, UTC; "" for any other value."""
    match = re.fullmatch(r"([12][0-9]{9})((?:[0-9]{3}){0,3})(?:\.[0-9]+)?", str(value))
    if not match:
        return ""
    return f"{datetime.fromtimestamp(int(match[1]), UTC):%Y-%m-%dT%H:%M:%S}.{match[2][:3] or '000'}Z"


def values(found: Iterable[Field], names: str) -> list[str]:
    """The values of the fields of these names, those of the first name first."""
    said = (str(one.value).strip() for name in names.split() for one in found if one.name == name)
    return [value for value in said if value]


def times(found: Iterable[Field], names: str, *, latest: bool = False) -> datetime | None:
    """The earliest (or `latest`) time in fields of these names, aware; None without any."""
    moments = []
    for value in values(found, names):
        with suppress(ValidationError):
            moments.append(Given.model_validate({"incident_start": moment_of(value) or value}).incident_start)
    sure = [moment for moment in moments if moment and moment.year > 1]
    return (max if latest else min)(sure, default=None)


def _mail(text: str) -> str:
    """A MIME mail's date, subject and text, or its HTML if it has no plain text."""
    message = email.message_from_string(text.lstrip(), policy=email.policy.default)
    heads = [f"{name}: {message[name]}" for name in ("Date", "Subject") if message[name]]
    with suppress(LookupError, ValueError):  # in an encoding that Python does not know
        body = message.get_body(("plain", "html"))
        return "\n".join([*heads, "", str(body.get_content() if body else text)])
    return text


_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1[^<>]{0,20}>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_TAG_HTML = re.compile(
    r"<(?:(?P<cell>t[dh])|(?P<block>/?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|hr|pre|title))|[/!]?[a-z]\w{0,20})\b[^<>]{0,2000}>",
    re.IGNORECASE,
)


def _plain(text: str) -> str:
    """The text of an HTML document: one line for each block, with bars between cells."""
    said = re.sub(r"\s+", " ", _HIDDEN.sub(" ", text))
    said = _TAG_HTML.sub(lambda tag: " | " if tag["cell"] else "\n" * bool(tag["block"]), said)
    return re.sub(r"\n\s*\n+", "\n", html.unescape(said))


_SENT = re.compile(
    r"^(?P<who>@?[\w.' -]{1,60}?)(?:[ ]+APP)?[ ]{2,4}(?P<at>[0-2]?[0-9]:[0-5][0-9](?: [AP]M)?)[ \t]*\n(?=\S)", re.M
)
_RULE = re.compile(r"^[ \t]*\|?[ \t:]*-{2,}[-| \t:]*$")
_ZONE_HEAD = re.compile(r"[ ]*[(\[](?P<zone>[A-Za-z/_+:0-9 -]{1,30})[)\]]$")


def _tables(text: str) -> str:
    """Tables as lines: "field: value", a timeline's "time - event", or "head: cell" for each cell.

    A table has a rule below its head, or at least three columns below a head of words.
    """
    written = text.split("\n")
    rows, index = [_cells(row) for row in written], 0
    while index < len(rows) - 1:
        head, ruled = rows[index], bool(_RULE.match(written[index + 1]))
        table = ruled or (len(head) > 2 and not re.search(r"[0-9]|: ", written[index]))
        index += 1 + ruled
        while table and index < len(rows) and (len(rows[index]) == len(head) > 1 or (ruled and "|" in written[index])):
            written[index] = _row(head, rows[index])
            index += 1
    return "\n".join(written)


def _chat(text: str) -> str:
    """Messages that are copied with their sender and time on a line of their own, each as "[7:05 AM] ann: …"."""
    if len(_SENT.findall(text)) < 2:
        return text
    return _SENT.sub(lambda sent: f"[{sent['at']}] {sent['who'].replace(' ', '-')}: ", text)


def _cells(row: str) -> list[str]:
    """The cells of a row: between bars, or else between tabs or several spaces."""
    row = row[:2_000].strip()
    bars = row.removeprefix("|").removesuffix("|").split("|")
    return [cell.strip() for cell in (bars if "|" in row else re.split(r"\t+|[ ]{2,}", row))]


def _row(head: list[str], cells: list[str]) -> str:
    if len(head) == 2 and not re.search(r"[0-9]:[0-9]", cells[0]):  # | Field | Value |
        return f"{cells[0]}: {' '.join(cells[1:])}"
    pairs = []
    for name, cell in zip(head, cells, strict=False):
        zone = _ZONE_HEAD.search(name) if re.search(r"[0-9]:[0-9]", cell) else None
        pairs.append((_ZONE_HEAD.sub("", name), f"{cell} {zone['zone']}" if zone else cell))
    if re.match(r"[0-9:. -]*[0-9]:[0-9]", pairs[0][1]):  # a timeline: what happened then
        return f"{pairs[0][1]} - {'. '.join(cell for _, cell in pairs[1:] if cell)}"
    return "\n".join(f"{name}: {cell}" for name, cell in pairs if cell)
