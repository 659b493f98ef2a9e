"""Formats figures, times and names, in one place for all outputs."""

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from tsg_agent.columns import SUBJECTS
from tsg_agent.escape import lines as lines  # noqa: PLC0414 - they are words too: most ask for them here
from tsg_agent.escape import one_line as one_line  # noqa: PLC0414 - the same
from tsg_agent.models import Measure, Rate, Subject, Tier, TrafficLoss

NAME_LENGTH = 80
FEW = 10
"""Number of requests or runs below which counts are shown instead of a share."""
MOST_DIGITS = 4
"""Most decimal places; a share closer to 0 or 100 is written as under or over."""

DIMENSIONS: dict[str, str] = {name: column.word for name, column in SUBJECTS.items()}
"""Dimension -> its word, in the order in which a subject's dimensions are written."""


def column_words(column: str) -> str:
    """A dimension's word: "zone" for availability_zone."""
    return DIMENSIONS.get(column, column.replace("_", " "))


_MEASURES = {
    Measure.SERVER_ERRORS: "of requests failed (5xx)",
    Measure.NOT_SUCCESSFUL: "of requests did not succeed (not 2xx)",
    Measure.RATE_LIMITED: "of requests were rate limited (429)",
    Measure.CLIENT_ERRORS: "of requests were refused (4xx)",
    Measure.UNANSWERED: "of requests got no recorded answer (no status)",
    Measure.SLOW: "of requests were slow",
    Measure.SLOWER: "of requests took over twice as long as 99 % of them did before",
    Measure.RETRIES: "of requests were retries",
    Measure.WORKFLOW_FAILURES: "of runs did not complete",
}

TIERS = {
    Tier.DEFINITIVE: "definitive resolution",
    Tier.POTENTIAL: "potential resolution",
    Tier.SYMPTOM: "symptom",
}


def name(value: object) -> str:
    """A telemetry value as a name in a sentence: shortened, and quoted if its words could be mistaken for ours."""
    text = one_line(value, NAME_LENGTH)
    return f"“{text}”" if " " in text or not text else text


def number(value: float) -> str:
    """A share or a difference without its unit: 5.1, 0.03, 99.97; 0 and 100 only for exact values."""
    size = abs(value)
    if size == 0 or not math.isfinite(value):
        return "0" if size == 0 else str(value)
    digits = _digits(size)
    if digits > MOST_DIGITS:
        return "over 99.999" if size > 99 else "under 0.001"
    text = f"{size:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"-{text}" if value < 0 else text


def _digits(size: float) -> int:
    """Significant decimal places of a share."""
    if 99 < size < 100:  # an availability: its distance from 100 is what matters
        return max(2, -math.floor(math.log10(100 - size)))
    return 1 - math.floor(math.log10(size)) if 0 < size < 1 else 1


def percent(value: float | None) -> str:
    """A percentage: "5.1 %", "0.03 %", "99.97 %"; "unknown" for None."""
    return "unknown" if value is None else f"{number(value)} %"


def compared(value: float, other: float) -> tuple[str, str]:
    """Two percentages for comparison, with the same precision: "99.60 %" and "99.58 %", not "99.6 %".

    Those of different magnitude, 94.9 % and 99.97 %, keep their own digits; 0 and 100 are exact.
    """
    pair = (value, other)
    digits = max(_digits(abs(one)) for one in pair)
    alike = all(99 < abs(one) < 100 for one in pair) or all(1 <= abs(one) <= 99 for one in pair)
    if not alike or digits > MOST_DIGITS or all("." not in number(one) for one in pair):
        return percent(value), percent(other)
    return f"{value:.{digits}f} %", f"{other:.{digits}f} %"


def points(value: float) -> str:
    """A difference between two percentages, in percentage points."""
    return f"{number(value)} points"


def count(value: float) -> str:
    """A whole number with thousands separated: 23,600."""
    return f"{value:,.0f}"


def some(quantity: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 run", "1,204 runs"."""
    return f"{count(quantity)} {one if quantity == 1 else many or one + 's'}"


def listed(items: list[str], limit: int = 3) -> str:
    """Items in a sentence: "a, b and c", "a, b, c and 4 more"."""
    shown = items if len(items) <= limit + 1 else [*items[:limit], f"{len(items) - limit} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def clock(time: datetime) -> str:
    """A time of day in UTC, as the models carry it: "14:05 UTC"."""
    return f"{time:%H:%M} UTC"


def moment(time: datetime) -> str:
    """A date and time in UTC."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def sentence(text: str) -> str:
    """With a capital letter at the start and one full stop at the end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def fall_words(traffic: TrafficLoss, time: Callable[[datetime], str]) -> str:
    """ "requests fell by 95 % at 14:00 UTC", "requests of client type tv fell by 95 % from 14:00 UTC to 14:30 UTC"."""
    whose = f" of {subject_name(traffic.subject)}" if traffic.subject else ""
    when = f"from {time(traffic.since)} to {clock(traffic.until)}" if traffic.until else f"at {time(traffic.since)}"
    return f"requests{whose} fell by {percent(traffic.percent)} {when}"


def subject_name(subject: Subject) -> str:
    """A subject in words: "version 3.15.0", "flag routing = on", "workflow pay at step charge"."""
    values = {key: name(value) for key, value in subject.items()}
    parts: list[str] = []
    for key in sorted(values, key=_order):
        if key == "flag_value" and "flag_name" in values:
            parts[-1] += f" = {values[key]}"
        elif key == "workflow_step" and "scenario_name" in values:
            parts[-1] += f" at step {values[key]}"
        elif key == "http_method" and "endpoint_path" in values:
            continue
        elif key == "endpoint_path" and "http_method" in values:
            parts.append(f"endpoint {values['http_method']} {values[key]}")
        else:
            parts.append(f"{DIMENSIONS.get(key) or one_line(key.replace('_', ' '), NAME_LENGTH)} {values[key]}")
    return ", ".join(parts) or "the service"


def _order(dimension: str) -> tuple[int, str]:
    known = list(DIMENSIONS)
    return (known.index(dimension) if dimension in DIMENSIONS else len(known), dimension)


def measure_words(measure: Measure, slow_ms: float | None = None, status: int | None = None) -> str:
    """What a measure counts, for use after a percentage: "of requests failed (5xx)".

    `status`: the code by which most of them were answered: "of requests were refused (4xx, mostly 401)".
    """
    if measure is Measure.SLOW and slow_ms is not None:
        return f"of requests took over {slow_ms / 1000:g} s"
    words = _MEASURES[measure]
    return words if status is None else f"{words[:-1]}, mostly {status})"


def rate_words(rate: Rate) -> str:
    """A rate's own numbers: "1,204 of 23,600"."""
    return f"{count(rate.failures)} of {count(rate.requests)}"


_CITATIONS = re.compile(r" \[(?:E\d+(?:\.\d+)?|M\.\d+)\]")


def uncited(statement: str) -> str:
    """A sentence without its evidence ids, for readers without the report."""
    return _CITATIONS.sub("", statement)


def span(length: timedelta) -> str:
    """A length of time: "45 min", "1 h 13 min", "2 days 3 h"."""
    minutes = max(0, round(length / timedelta(minutes=1)))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{some(days, 'day')}{f' {hours} h' if hours else ''}"
    parts = [f"{hours} h" if hours else "", f"{minutes % 60} min" if minutes % 60 or not hours else ""]
    return " ".join(part for part in parts if part)


def rate_or_share(rate: Rate) -> str:
    """A share, or its counts for fewer than FEW requests, where a share would suggest too much precision."""
    return rate_words(rate) if rate.requests < FEW else percent(rate.percent)


def cited(evidence: list[str], limit: int = 4) -> str:
    """Evidence ids for a sentence's end: " [E5.1] [M.3]"; "" for none."""
    return "".join(f" [{one_line(item, NAME_LENGTH)}]" for item in evidence[:limit])
