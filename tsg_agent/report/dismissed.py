"""What was dismissed, for a reader: what stood out, and, in one line each, what is like the rest."""

from tsg_agent.models import Rejected
from tsg_agent.wording import count, listed, name, points, sentence, some, subject_name

SHOWN = 12
NEAR = 1.0
"""Points above the rest up to which a subject says nothing by itself."""
ALIKE = ("no_contrast", "healthy", "below_threshold")
"""Reasons that come down to: it fails no more than the rest."""


def told_apart(rejected: list[Rejected]) -> tuple[list[Rejected], list[Rejected]]:
    """Those that say something, and those that fail no more than the rest does; each in the report's order."""
    like = [_is_like_the_rest(one) for one in rejected]
    return (
        [one for one, quiet in zip(rejected, like, strict=True) if not quiet],
        [one for one, quiet in zip(rejected, like, strict=True) if quiet],
    )


def in_short(rejected: list[Rejected]) -> tuple[list[str], str]:
    """The statements to show, flags that are like the rest in one of them; and a sentence about what is left out."""
    telling, quiet = told_apart(rejected)
    same = _of_the_same_requests(telling)
    lines = [_with_its_other_names(group) for group in same[:SHOWN]]
    flags = [one for one in quiet if "flag_name" in one.subject]
    if flags:
        names = list(dict.fromkeys(name(one.subject["flag_name"]) for one in flags))
        lines.append(sentence(f"flag{'s' if len(names) > 1 else ''} {listed(names, SHOWN)}: {_within(flags)}"))
    others = [one for one in quiet if "flag_name" not in one.subject]
    left = sum(map(len, same[SHOWN:]))
    more = [f"{count(left)} more that stood out less"] if left else []
    more += [f"{some(len(others), 'subject')}, {_within(others)}"] if others else []
    return lines, sentence(f"{' and '.join(more)}: with --all, in the HTML report and in the JSON") if more else ""


def _of_the_same_requests(found: list[Rejected]) -> list[list[Rejected]]:
    """Those of one set of figures together: a component, and its only endpoint."""
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
    gap = _gap(one)
    return one.reason in ALIKE and one.step != 2 and gap is not None and gap <= NEAR  # versions are asked for


def _gap(one: Rejected) -> float | None:
    """Points by which it fails more than the rest, at the same time."""
    after, rest = one.onset.after or one.contrast.subject, one.contrast.rest
    if after is None or rest is None or not (after.requests and rest.requests):
        return None
    return after.percent - rest.percent
