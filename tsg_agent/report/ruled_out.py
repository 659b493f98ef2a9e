"""Summarizes dismissed subjects: those that stood out one by one, those like the rest in one line per dimension."""

from tsg_agent.models import Rejected
from tsg_agent.wording import column_words, count, listed, measure_words, name, percent, points, sentence, subject_name

SHOWN, NAMED = 12, 3
NEAR, NEARLY = 1.0, 0.15
"""Difference to the rest, in points and relative to the rest's share, up to which a subject is like the rest."""
ALIKE = ("no_contrast", "healthy", "below_threshold")
"""Reasons that mean: it fails no more than the rest."""


def told_apart(rejected: list[Rejected]) -> tuple[list[Rejected], list[Rejected]]:
    """Informative dismissals, and those that fail no more than the rest; each in the report's order."""
    like = [_is_like_the_rest(one) for one in rejected]
    return (
        [one for one, quiet in zip(rejected, like, strict=True) if not quiet],
        [one for one, quiet in zip(rejected, like, strict=True) if quiet],
    )


def in_short(rejected: list[Rejected], *, most: int | None = SHOWN) -> list[str]:
    """Statements of informative dismissals, then one line per dimension for the subjects like the rest.

    `most`: limit of the former, followed by the number of the others; None: all.
    """
    telling, quiet = told_apart(rejected)
    same = _of_the_same_requests(telling)
    told = [_with_its_other_names(group) for group in same[:most]]
    left = sum(map(len, same[most:])) if most is not None else 0
    if left:
        told.append(sentence(f"{count(left)} more that stood out less: in the HTML report and in the JSON"))
    return told + [_alike(group) for group in by_dimension(quiet)]


def by_dimension(rejected: list[Rejected]) -> list[list[Rejected]]:
    """Group by dimension, in the report's order."""
    groups: dict[str, list[Rejected]] = {}
    for one in rejected:
        groups.setdefault(next(iter(one.subject), ""), []).append(one)
    return list(groups.values())


def alike_words(group: list[Rejected]) -> str:
    """The line of one dimension's subjects: "14 shards: 10.9 to 12.7 % fail, none more than 1.3 points above…"."""
    column = next(iter(group[0].subject), "")
    values = list(dict.fromkeys(name(one.subject[column]) for one in group if column in one.subject))
    what = f"{_plural(column, len(values))} {listed(values, NAMED)}"
    return f"{what}: {_span(group)}{_within(group)}"


def _alike(group: list[Rejected]) -> str:
    return sentence(alike_words(group))


def _plural(column: str, number: int) -> str:
    word = column_words(column)
    if number == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _span(group: list[Rejected]) -> str:
    """Range of their shares since the start."""
    shares = [after.percent for one in group if (after := one.onset.after or one.contrast.subject) is not None]
    if len(shares) < 2:
        return ""
    low, high = percent(min(shares)), percent(max(shares))
    return f"{low if low == high else f'{low} to {high}'} {measure_words(group[0].measure)}, "


def _of_the_same_requests(found: list[Rejected]) -> list[list[Rejected]]:
    """Group subjects with equal figures, such as a component and its only endpoint."""
    groups: dict[object, list[Rejected]] = {}
    for one in found:
        figures = (one.reason, one.measure, repr(one.onset.before), repr(one.onset.after), repr(one.contrast.rest))
        groups.setdefault(figures if one.onset.after else id(one), []).append(one)
    return list(groups.values())


def _with_its_other_names(group: list[Rejected]) -> str:
    first, *others = group
    names = listed([subject_name(one.subject) for one in others], SHOWN)
    return f"{first.statement} {sentence(f'the same figures: {names}')}" if others else first.statement


def _within(found: list[Rejected]) -> str:
    widest = max(_gap(one) or 0.0 for one in found)
    most = f"more than {points(widest)} above" if widest > 0 else "above"
    return f"{'none' if len(found) > 1 else 'not'} {most} the rest"


def _is_like_the_rest(one: Rejected) -> bool:
    gap, rest = _gap(one), one.contrast.rest
    asked_for = "service_version" in one.subject
    if gap is None or rest is None or one.reason not in ALIKE or asked_for:
        return False
    return gap <= max(NEAR, NEARLY * rest.percent)


def _gap(one: Rejected) -> float | None:
    """Difference to the rest's share over the same time, percentage points; None if unknown."""
    after, rest = one.onset.after or one.contrast.subject, one.contrast.rest
    if after is None or rest is None or not (after.requests and rest.requests):
        return None
    return after.percent - rest.percent
