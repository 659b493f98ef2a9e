"""Writes JSON, mail, HTML and tables in a report out as lines of "name: value", which are then read as text.

Alertmanager, PagerDuty, Datadog, Grafana, Opsgenie and CloudWatch name the same few fields differently. If an alert is
over, the time of its last change is written as its end. Parameters are also read from the fields themselves.
"""

import email
import email.policy
import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import islice
from typing import Any

from pydantic import ValidationError

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.words import any_of, data

_MOST_LINES = 2_000
_MOST_PAYLOADS = 20
_DEEPEST = 24
_OPENS = re.compile(r'\{\s*"|\[\s*\{\s*"|\[\s*\[\s*\{')
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_WORDS = data("payloads")
_STATES, _NAMES, _LATER = _WORDS["states"], _WORDS["names"], _WORDS["later"]
_ABOUT_A_FIELD = set(_WORDS["about_a_field"])
_OVER, _GOES_ON = (re.compile(rf"(?:.*\W)?{any_of(_WORDS[name])}", re.IGNORECASE) for name in ("over", "goes_on"))
_ENTITIES = re.compile(rf"(?:.*_)?{any_of(_WORDS['entities'])}", re.IGNORECASE)
_NOISE = re.compile(rf"(?:.*_)?{any_of(_WORDS['noise'])}|.*(?:URL|Id|Arn|Key)")
_CHANGED, _CALLED = (re.compile(any_of(_WORDS[name])) for name in ("changed", "called"))
_SPAN = re.compile(r"(?:time_?|analysis_?|query_?)?(?:window|range|period)", re.IGNORECASE)
_TIMELIKE = re.compile(r"time|date|(?:^|_)(?:ts|at|since|until|start|end)$|(?<=[a-z])(?:At|On)$|stamp", re.IGNORECASE)
_FORMER = ("previous", "old")
_TAG = re.compile(r"(?<=[A-Za-z_]):(?=[^\s:/])")
_HTML = re.compile(r"<(?:html|body|table|div|p|br|td|span|ul|h[1-6])\b[^>]{0,300}>", re.IGNORECASE)
_MIME = re.compile(
    r"^(?:Content-Transfer-Encoding|MIME-Version|Content-Type: multipart)\b", re.IGNORECASE | re.MULTILINE
)
MOST_FIELDS = 5_000
TAGS = ("tags", "labels", "alert_scope")
"""Fields with comma-separated "name:value" pairs; the last is Datadog's."""


def unfolded(text: str) -> str:
    """A text with its structure as lines; plain text stays as it is."""
    text = _mail(text) if _MIME.search(text[:8_000]) else text
    text = _tables(_ruled(_chat(_plain(text) if _HTML.search(text) else text)))
    pieces, position, tried = [], 0, 0
    while tried < _MOST_PAYLOADS and (match := _OPENS.search(text, position)):
        tried += 1
        try:
            found, end = json.JSONDecoder().raw_decode(text, match.start())
        except (ValueError, RecursionError):
            pieces.append(text[position : match.end()])
            position = match.end()
            continue
        pieces += [text[position : match.start()], "\n", "\n".join(lines(found)), "\n"]
        position = end
    return _FENCE.sub("", "".join(pieces) + text[position:]) if tried else text


def lines(payload: Any) -> list[str]:
    """A payload's fields as "name: value" lines, the outer ones first; at most `_MOST_LINES`."""
    over = is_over(payload)
    written = (_line(name, value, over=over) for name, value in fields(payload))
    return list(islice(filter(None, written), _MOST_LINES))


def is_over(payload: Any) -> bool:
    """Whether an alert is over, by the outermost field that tells its state."""
    level = [payload]
    for _ in range(_DEEPEST):
        following: list[Any] = []
        for node in map(_parsed, level[:_MOST_LINES]):
            if isinstance(node, dict):
                fields = {str(name).lower().replace("-", "_"): value for name, value in node.items()}
                for name in _STATES:
                    said = fields.get(name)
                    if isinstance(said, str) and (_OVER.fullmatch(said) or _GOES_ON.fullmatch(said)):
                        return bool(_OVER.fullmatch(said))
                following += [value for name, value in fields.items() if not name.startswith(_FORMER)]
            elif isinstance(node, list):
                following += node
        level = following
    return False


def _parsed(value: Any) -> Any:
    """The JSON within a string, as CloudWatch sends it through SNS; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and len(value) < 200_000:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def fields(node: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """All leaves of a payload with their names, the outer ones first. Of several alerts, those that are still on."""
    node = _parsed(node)
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        node = [one for one in node if not is_over(one)] or node
    if isinstance(node, dict):
        pair = _pair(node)
        if pair:
            yield from fields(pair[1], pair[0], depth + 1)
            return
        if _ENTITIES.fullmatch(name):  # "service": {"id": "P1", "summary": "checkout"}
            called = next((node[key] for key in _NAMES if isinstance(node.get(key), str)), None)
            if called:
                yield name, called
                return
        for key, value in sorted(node.items(), key=lambda item: isinstance(item[1], dict | list)):
            if str(key).lower().startswith(_FORMER):
                continue
            inner = f"window {key}" if _SPAN.fullmatch(name) and key in ("start", "end") else str(key)
            yield from fields(value, inner, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from fields(value, name, depth + 1)
    elif node is not None:
        yield name, node


def _pair(node: dict[str, Any]) -> tuple[str, Any] | None:
    """Name and value of {"name": "Service", "value": "checkout"}, the form of dimensions and attachments; else None."""
    lower = {str(key).lower(): value for key, value in node.items()}
    key = next((lower[name] for name in ("name", "key", "title", "field") if isinstance(lower.get(name), str)), None)
    if key is None or "value" not in lower or len(lower.keys() - _ABOUT_A_FIELD) > 4:
        return None
    return key, lower["value"]


def _line(name: str, value: Any, *, over: bool) -> str:
    """One field as a line; "" for a field that tells nothing of an incident."""
    snake = snake_case(name)
    moment = moment_of(value) if _TIMELIKE.search(snake) else ""
    said = moment or str(value).replace("%%%", " ").strip()
    if over and _CHANGED.fullmatch(snake):
        return f"Resolved at: {said}"
    still = not over and snake in ("ends_at", "end_at")
    noise = (_NOISE.fullmatch(name) or _NOISE.fullmatch(snake)) and not _CALLED.fullmatch(snake)
    if noise or still or snake in _LATER or not said:
        return ""
    if snake in (*TAGS, "") and isinstance(value, str):
        return "\n".join(_TAG.sub(": ", tag.strip()) for tag in said.split(","))
    label = snake if snake in ("start_time", "end_time") else re.sub(r"[_\s]+", " ", snake).strip()
    if _CALLED.fullmatch(snake) and " " not in said:  # "payments-5xx-prod": names, and words, in one
        said = f"{said} ({re.sub(r'[-_/.]+', ' ', said)})"
    return f"{label[:1].upper()}{label[1:]}: {said}" if label else said


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


def flat(payload: Any) -> dict[str, list[str]]:
    """A payload's fields at any depth: name in snake case -> its values, the outer ones first."""
    found: dict[str, list[str]] = {}
    for name, value in islice(fields(payload), MOST_FIELDS):
        found.setdefault(snake_case(name), []).append(str(value).strip())
    return found


def times(found: Mapping[str, list[str]], names: str, *, latest: bool = False) -> str | None:
    """The earliest (or `latest`) time in fields of these names, as ISO 8601 with an offset; None without any."""
    moments = []
    for value in (one for name in names.split() for one in found.get(name, [])):
        try:
            moments.append(Given.model_validate({"incident_start": moment_of(value) or value}).incident_start)
        except ValidationError:
            continue
    sure = sorted(moment for moment in moments if moment and moment.year > 1)
    return sure[-1 if latest else 0].isoformat() if sure else None


def _mail(text: str) -> str:
    """A MIME mail's date, subject and text, or its HTML if it has no plain text."""
    message = email.message_from_string(text.lstrip(), policy=email.policy.default)
    body = message.get_body(("plain", "html")) if isinstance(message, EmailMessage) else None
    try:
        said = body.get_content() if body else None
    except (LookupError, KeyError, ValueError):
        said = None
    if said is None:
        return text
    heads = [f"{name}: {message[name]}" for name in ("Date", "Subject") if message[name]]
    return "\n".join([*heads, "", str(said)])


_TAG_HTML = re.compile(r"<(/?[a-z][a-z0-9]{0,20})[^<>]{0,2000}>|<!--|<!\[?[a-z][^<>]{0,200}>|-->", re.IGNORECASE)
_BLOCK = re.compile(r"/?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|hr|pre|title)")
_MARKS = {"td": " | ", "th": " | ", "/tr": " |\n"}


def _plain(text: str) -> str:
    """The text of an HTML document: one line for each block, with bars between cells."""
    pieces, hidden, position = [], False, 0
    for tag in [*_TAG_HTML.finditer(text), None]:
        said = text[position : tag.start() if tag else None]
        pieces.append("" if hidden else re.sub(r"\s+", " ", said))
        if tag:
            name, position = (tag[1] or tag[0]).lower(), tag.end()
            hidden = name in ("script", "style", "<!--") or (hidden and not name.endswith(("/script", "/style", "-->")))
            pieces.append(_MARKS.get(name, "\n" if _BLOCK.fullmatch(name) else ""))
    return re.sub(r"\n\s*\n+", "\n", html.unescape("".join(pieces)))


_SENT = re.compile(
    r"^(?P<who>@?[\w.'-]{1,30}(?: [\w.'-]{1,30}){0,2})(?:[ ]+APP)?[ ]{2,4}"
    r"(?P<at>[0-2]?[0-9]:[0-5][0-9](?: [AP]M)?)[ \t]*\n(?=\S)",
    re.MULTILINE,
)
_ROW = re.compile(r"^[ \t]*\|?(?P<cells>[^|\n]*(?:\|[^|\n]*)+?)\|?[ \t]*$")
_RULE = re.compile(r"^[ \t]*\|?[ \t:]*-{2,}[-| \t:]*$")
_ZONE_HEAD = re.compile(r"^(?P<name>[^()]*?)[ ]*[(\[](?P<zone>[A-Za-z/_+:0-9 -]{1,30})[)\]]$")


def _tables(text: str) -> str:
    """Tables with a ruled head as lines: "field: value", a timeline's "time - event", or "head: cell" for each cell."""
    rows = text.split("\n")
    index = 1
    while index < len(rows) - 1:
        if _RULE.match(rows[index]) and (head := _cells(rows[index - 1])):
            stop = index + 1
            while stop < len(rows) and (cells := _cells(rows[stop])):
                rows[stop] = _row(head, cells)
                stop += 1
            rows[index - 1], rows[index] = "", ""
            index = stop
        index += 1
    return "\n".join(rows)


def _ruled(text: str) -> str:
    """Columns separated by tabs or spaces, below a head of words, rewritten as a Markdown table."""
    rows = [re.split(r"\t+|[ ]{2,}", row.strip()) for row in text.split("\n")]
    found, index = text.split("\n"), 0
    while index < len(rows) - 1:
        head, stop = rows[index], index + 1
        if len(head) > 2 and not re.search(r"[0-9]|: ", " ".join(head)):
            while stop < len(rows) and len(rows[stop]) == len(head):
                found[stop] = f"| {' | '.join(rows[stop])} |"
                stop += 1
        if stop > index + 1:
            found[index] = f"| {' | '.join(head)} |\n|{'---|' * len(head)}"
        index = stop
    return "\n".join(found)


def _chat(text: str) -> str:
    """Messages that are copied with their sender and time on a line of their own, each as "[7:05 AM] ann: …"."""
    if len(_SENT.findall(text)) < 2:
        return text
    return _SENT.sub(lambda sent: f"[{sent['at']}] {sent['who'].replace(' ', '-')}: ", text)


def _cells(row: str) -> list[str]:
    match = _ROW.match(row[:2_000])
    return [cell.strip() for cell in match["cells"].split("|")] if match else []


def _row(head: list[str], cells: list[str]) -> str:
    if len(head) == 2 and not re.search(r"[0-9]:[0-9]", cells[0]):  # | Field | Value |
        return f"{cells[0]}: {' '.join(cells[1:])}"
    pairs = []
    for name, cell in zip(head, cells, strict=False):
        zone = _ZONE_HEAD.match(name)
        zoned = f" {zone['zone']}" if zone and re.search(r"[0-9]:[0-9]", cell) else ""
        pairs.append((zone["name"] if zone else name, cell + zoned))
    if re.match(r"[0-9:. -]*[0-9]:[0-9]", pairs[0][1]):  # a timeline: what happened then
        return f"{pairs[0][1]} - {'. '.join(cell for _, cell in pairs[1:] if cell)}"
    return "\n".join(f"{name}: {cell}" for name, cell in pairs if cell)
