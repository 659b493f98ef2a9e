"""The conclusion on one screen: fits with the prompt into 24 rows.

Overflow is cut from the end of the least important line, with a count of what only the report has.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tsg_agent.models import Confidence, Measure, Report, Series, Subject
from tsg_agent.wording import number, one_line, sentence

ROWS, WIDTH = 22, 80
NARROWEST = 40
LABELS = {
    "broke": "What broke",
    "since": "Since",
    "sure": "How sure",
    "hit": "Who is hit",
    "now": "Now",
    "first": "Do first",
    "then": "Then",
    "shows": "Also seen",
    "suspected": "Suspected",
    "unchecked": "Not checked",
}
MARGIN = max(map(len, LABELS.values())) + 2
GIVEN_UP = {
    "shows": 1, "unchecked": 1, "then": 1, "suspected": 4, "hit": 4, "broke": 3, "since": 2, "sure": 1, "now": 1,
    "first": 2,
}  # fmt: skip
"""Lines to shorten, in this order: each loses its last clauses down to this number, then to one."""
EACH = ("suspected", "broke")
"""Lines with one row per clause."""
LISTS = ("shows", "then", "unchecked")
"""Lines whose clauses are list items, so that omitted ones are counted."""
IN_SHORT = ("since", "sure", "hit", "now")
"""Lines that no section of a report repeats in detail."""
_UNIT = re.compile(r"(?<=\d) %")
"""Matches the space between a figure and its unit, which must not break."""
BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


@dataclass(frozen=True)
class ScreenRow:
    """One row. `label`: only on an answer's first row; `asks`: the key of the answer it belongs to."""

    asks: str
    label: str
    text: str

    @property
    def plain(self) -> str:
        """As text."""
        margin = "" if self.asks in ("head", "left") else f"{self.label:{MARGIN}}"
        return f"{margin}{self.text}".rstrip()


def screen(
    report: Report, width: int = WIDTH, rows: int = ROWS, *, ascii_only: bool = False, left: str = ""
) -> list[ScreenRow]:
    """The rows. `width`: columns; a narrow screen gets more rows. `left`: the last row, says where the rest is."""
    width = max(width, NARROWEST)
    rows = rows if width >= WIDTH else max(rows, rows * WIDTH // width)
    lines = {line.asks: _Answer(line.items, len(line.items)) for line in report.brief}
    head = ScreenRow("head", "", _cut(_title(report), width))
    drawn = spark(report, width - MARGIN, ascii_only=ascii_only)
    last = [ScreenRow("left", "", row) for row in textwrap.wrap(left, width)] if left else []
    room = rows - 1 - len(drawn) - len(last)
    while sum(map(len, laid := {asks: one.rows(asks, width) for asks, one in lines.items()})) > 0:
        if sum(len(part) for part in laid.values()) <= room:
            break
        asks = next(_to_give_up(lines), None)
        if asks is None:
            laid = _squeezed(laid, room)
            break
        lines[asks] = replace(lines[asks], shown=lines[asks].shown - 1)
    body = [row for asks, part in laid.items() for row in [*part, *(drawn if asks == "now" else [])]]
    return [head, *body, *([] if "now" in laid else drawn), *last]


def _to_give_up(lines: dict[str, "_Answer"]) -> Iterator[str]:
    """Keys of the answers to shorten by a clause, the least important first."""
    for keep in (GIVEN_UP, dict.fromkeys(GIVEN_UP, 1)):
        yield from (asks for asks, least in keep.items() if asks in lines and lines[asks].shown > least)


@dataclass(frozen=True)
class _Answer:
    items: list[str]
    shown: int

    def rows(self, asks: str, width: int) -> list[ScreenRow]:
        items = [_UNIT.sub("\u00a0%", one_line(item)) for item in self.items[: self.shown]]
        more = len(self.items) - self.shown
        if more:
            items[-1] += f"; {more} more" if asks in LISTS else f" (and {more} more)" if asks in EACH else "; …"
        texts = items if asks in EACH else ["; ".join(items)]
        wrapped = [
            row
            for text in texts
            for row in textwrap.wrap(_ended(asks, text), width - MARGIN, break_on_hyphens=False) or [""]
        ]
        labels = [LABELS.get(asks, ""), *[""] * len(wrapped)]
        return [ScreenRow(asks, label, row.replace("\u00a0", " ")) for label, row in zip(labels, wrapped, strict=False)]


def _ended(asks: str, text: str) -> str:
    """A clause as a sentence; a name at its start is not capitalised."""
    whole = text if asks == "suspected" else sentence(text)
    return whole if whole.endswith((".", "…", "!", "?")) else f"{whole}."


def _squeezed(laid: dict[str, list[ScreenRow]], room: int) -> dict[str, list[ScreenRow]]:
    """Truncate first clauses that do not fit, the least important first."""
    kept = dict(laid)
    for asks in GIVEN_UP:
        while asks in kept and len(kept[asks]) > 1 and sum(map(len, kept.values())) > room:
            *rest, cut, _ = kept[asks]
            kept[asks] = [*rest, replace(cut, text=f"{cut.text[:-1].rstrip()}…")]
    for asks in GIVEN_UP:
        if asks in kept and asks != "first" and sum(map(len, kept.values())) > room:
            del kept[asks]
    return kept


def asked_first(report: Report) -> list[tuple[str, str]]:
    """(label, text) of the short answers that the Markdown report does not already contain elsewhere."""
    said = report.headline.lower()
    found = [(LABELS[line.asks], "; ".join(line.items)) for line in report.brief if line.asks in IN_SHORT]
    return [(label, words) for label, words in found if words.lower() not in said]


def _title(report: Report) -> str:
    p = report.parameters
    return " · ".join(one_line(name) for name in (p.service_name, p.region, p.environment))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def state(report: Report) -> str:
    """bad: a cause is confirmed; good: no incident visible; unsure: anything else. It colours the first lines."""
    if any(cause.confidence is Confidence.CONFIRMED for cause in report.causes):
        return "bad"
    escalated = any(action.kind == "escalate" for action in report.actions)
    return "good" if report.sla.breached is False and not report.causes and not escalated else "unsure"


def spark(report: Report, width: int, *, ascii_only: bool = False) -> list[ScreenRow]:
    """A sparkline of the share of requests that do not fail, with a bar at the start; empty without a series."""
    series = _drawn(report)
    if series is None:
        return []
    shares = [100 - 100 * p.failures / p.requests if p.requests else None for p in series.points]
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return []
    first, last = series.points[0].time, report.parameters.end_time
    low, begun = min(known), report.began
    before = sum(p.time < begun for p in series.points) if begun and first < begun <= last else None
    bar = "|" if ascii_only else "│"
    mark = f"{bar} start, " if before is not None else ""
    ends = f"{first:%H:%M} ", f" {last:%H:%M} ({mark}lowest {number(low)} %)"
    room = max(8, width - len(ends[0]) - len(ends[1]) - 1)
    drawn = _blocks(shares, low, room, ascii_only=ascii_only)
    if before is not None:
        at = round(before * len(drawn) / len(shares))
        drawn = drawn[:at] + bar + drawn[at:]
    return [ScreenRow("spark", "", f"{ends[0]}{drawn}{ends[1]}")]


def _drawn(report: Report) -> Series | None:
    """The service's availability; if the first cause has another measure, the cause's own share."""
    first = report.causes[0] if report.causes else None
    wanted: list[tuple[Subject, Measure]] = [({}, Measure.SERVER_ERRORS)]
    if first is not None and first.measure is not Measure.SERVER_ERRORS:
        wanted.insert(0, (first.subject, first.measure))
    found = ((one for one in report.series if (one.subject, one.measure) == (s, m)) for s, m in wanted)
    return next((one for each in found for one in each), None)


def _blocks(shares: list[float | None], low: float, room: int, *, ascii_only: bool) -> str:
    """One character per bucket, or per several; a gap for those without requests."""
    blocks = PLAIN_BLOCKS if ascii_only else BLOCKS
    count = min(room, len(shares))
    high = max((share for share in shares if share is not None), default=100.0)
    drawn = []
    for place in range(count):
        part = [s for s in shares[place * len(shares) // count : (place + 1) * len(shares) // count] if s is not None]
        height = (sum(part) / len(part) - low) / (high - low) if part and high > low else 1.0
        drawn.append(blocks[min(len(blocks) - 1, round(height * (len(blocks) - 1)))] if part else " ")
    return "".join(drawn)


def to_screen(report: Report, width: int = WIDTH, *, left: str = "") -> str:
    """The screen as plain text."""
    return "\n".join(row.plain for row in screen(report, width, left=left)) + "\n"
