"""What of a text serves for nothing, told: a time, a length, a percentage or a name that is passed over in silence
may be the one that was meant."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from tsg_agent.extract.choices import CANDIDATES, Material, iso
from tsg_agent.extract.lengths import SPAN, length
from tsg_agent.extract.places import Kind, Settled
from tsg_agent.extract.readings import DAY, read
from tsg_agent.extract.sla_target import TARGET
from tsg_agent.extract.spotting import Mention
from tsg_agent.extract.text import Prose, quote
from tsg_agent.extract.zones import places_in
from tsg_agent.wording import listed

_MOST = 50
_SPAN = re.compile(rf"(?<![\w.,:/-]){SPAN}", re.IGNORECASE)
_SHORTEST = timedelta(minutes=1)
_NUMBER = re.compile(r"(?<![\w.,:/-])9[0-9](?:[.,][0-9]{1,6})?(?![\w:/]|[.,-][0-9])(?:[ ]?%)?")
"""What may be an availability in percent."""
_SMALL = r"[0-5](?:[.,][0-9]{1,4})?"
_MAY = r"(?:budget|allowed|may|at most|tolera\w+|permitted|erlaubt|dürfen|darf|höchstens|permitid\w+|autorisé\w*)"
_ALLOWED = re.compile(
    rf"(?<![\w.,-])(?P<small>{_SMALL})[ ]?%[^.;\n%0-9]{{0,30}}\b{_MAY}\b"
    rf"|\b{_MAY}\b[^.;\n%0-9]{{0,20}}(?P<less>{_SMALL})[ ]?%",
    re.IGNORECASE,
)


def times_left(material: Material, used: Iterable[datetime], told: str) -> list[str]:
    """The times of the text that are neither used nor told of, in a sentence. `told`: what is said already."""
    held = set(used)
    shown: list[str] = []
    more: list[str] = []
    for mention in material.mentions:
        reading = read(mention, material.setting)
        timed = reading.instants if mention.timed else ()
        new = [one for one in timed if one not in held and iso(one) not in told]
        if (new and not _serves(mention, held, material)) or (mention.timed and not timed):
            held.update(new)
            said = " or ".join(map(iso, new)) or reading.problem
            later = ", later than now" if new and min(new) > material.setting.now else ""
            quoted = f"{material.quoted(mention.start, mention.end)} ({said}{later})"
            shown.append(quoted) if len(shown) < CANDIDATES else more.append(said)
    rest = f", and {', '.join(more[:_MOST])}" if more else ""
    return [f"Times of the text that are not used: {', '.join(shown)}{rest}."] if shown else []


def _serves(mention: Mention, used: set[datetime], material: Material) -> bool:
    """Whether it is used on another day than it has alone: an end is after its start."""
    return mention.day is None and any(
        read(mention, material.setting, bound=one, after=True).instant in used for one in used
    )


def elsewhere(material: Material, used: Iterable[datetime]) -> list[str]:
    """The times that are used and say no zone, in the zones of the text's other times and of the places it names."""
    held, setting = set(used), material.setting
    named = [one.zone for one in material.mentions if one.zone]
    zones = list(dict.fromkeys([*named, *places_in(setting.prose.text)]))
    said = []
    for mention in material.mentions if setting.zone is None else ():
        if mention.clock and not mention.zone and held & set(read(mention, setting).instants):
            there = [(zone, read(replace(mention, zone=zone), setting).instants) for zone in zones]
            shown = [f"{' or '.join(map(iso, found))} ({zone.name})" for zone, found in there if set(found) - held]
            if shown:
                quoted = material.quoted(mention.start, mention.end)
                said.append(f"{quoted} says no zone and is read as UTC; in other zones of the text: {listed(shown)}.")
    return list(dict.fromkeys(said))[:CANDIDATES]


def lengths_left(material: Material, began: datetime | None, end: datetime, *, ended: bool) -> list[str]:
    """How long something was by the text, where its start or its end is not said: with what would follow."""
    if began and ended:
        return []
    found = []
    for match in islice(_SPAN.finditer(material.setting.prose.masked), _MOST):
        taken = any(one.start < match.end() and match.start() < one.end for one in material.mentions)
        span = length(match[0])
        if not taken and _SHORTEST <= span <= 7 * DAY:
            instant = iso(began + span if began else end - span)
            found.append(f"{material.quoted(*match.span())} ({'until' if began else 'since'} {instant})")
    once = list(dict.fromkeys(found))[:CANDIDATES]
    return [f"Lengths of time that are not used: {', '.join(once)}."] if once else []


def percentages_left(prose: Prose, value: float, *, plain: bool) -> list[str]:
    """What may be an availability, or what may fail, and is not `value`; if that is `plain`, only beside its word."""
    found = {match[0].rstrip(" %").replace(",", "."): match for match in islice(_NUMBER.finditer(prose.text), _MOST)}
    others = [match for written, match in found.items() if float(written) != value]
    if plain:
        others = [one for one in others if TARGET.search(prose.text, max(0, one.start() - 25), one.end())]
    left = [prose.snippet(*one.span()) for one in others]
    for match in islice(_ALLOWED.finditer(prose.text), 0 if plain else _MOST):
        rest = 100 - float((match["small"] or match["less"]).replace(",", "."))
        left.append(f"{prose.snippet(*match.span())} (it would be {rest:g} %)")
    return [f"Not taken for the SLA threshold: {', '.join(left[:CANDIDATES])}."] if left else []


def names_left(settled: Iterable[tuple[Kind, Settled]]) -> list[str]:
    """The known names of a text that it is not about."""
    left = [f"{kind.noun} {quote(name)}" for kind, found in settled for name in _others(found)]
    return [f"Named in the text, and not looked at: {listed(left, CANDIDATES)}."] if left else []


def _others(found: Settled) -> Iterator[str]:
    names = dict.fromkeys(value for hit in found.hits for value in hit.values)
    return (name for name in names if found.value and name != found.value)
