"""Notes on what a text says and the extraction does not use: one of these may be what the author meant."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from tsg_agent.extract.choices import CANDIDATES, Material, iso
from tsg_agent.extract.places import Settled
from tsg_agent.extract.readings import DAY, read
from tsg_agent.extract.spoken import SPAN, UNIT, length
from tsg_agent.extract.spotting import MAXIMUM_MENTIONS
from tsg_agent.extract.text import quote
from tsg_agent.extract.words import ALL, any_of
from tsg_agent.extract.zones import places_in
from tsg_agent.wording import listed

_MOST = 50
_SPAN = re.compile(rf"(?<![\w.,:/-]){SPAN}", re.IGNORECASE)
_HOUR_SAID = any_of([form for form, value in ALL.table("calendar", "numbers").items() if value > 1])
_LIKE_A_TIME = ALL.like(
    r"(?<![\w.:/@#-])(?:[0-2]?[0-9](?::|[ ]?h[ ]?)[0-5][0-9](?![\w:]|\.[0-9])"
    r"|[0-9]{1,2}(?:[ ]?(?:uhr|o'?clock)|\.[0-5][0-9][ ]?(?:uhr|h|hrs|[ap]\.?m|utc|gmt))\b"
    rf"|\b(?:{{since until preposed about}}|nach|vor|past|to|dreiviertel)[ ](?:{_HOUR_SAID}|(?:[01][0-9])?[0-9]{{1,2}})"
    rf"(?=\W{{0,3}}$|[,.;:!?)](?!\w)|\n)|{{vague}}[ ]{UNIT}|\b{{since}}[ ][0-9][^\n,;]{{1,16}})"
)
"""What looks like a time, in any of the languages."""


def unread(material: Material) -> Iterator[str]:
    """Quotations of what looks like a time and was not read."""
    for match in islice(_LIKE_A_TIME.finditer(material.setting.prose.text), MAXIMUM_MENTIONS):
        if not any(one.start < match.end() and match.start() < one.end for one in material.mentions):
            yield material.quoted(*match.span())


def times_left(material: Material, used: Collection[datetime], told: str) -> list[str]:
    """A note on the times that are neither used nor in `told`, the notes and questions so far.

    A time without a zone may also be of another zone or place that the text names.
    """
    held, setting = set(used), material.setting
    named = [*(one.zone for one in material.mentions if one.zone), *places_in(setting.prose.text)]
    zones = [] if setting.zone else list(dict.fromkeys(named))[:CANDIDATES]
    found: list[str] = []
    for mention in (one for one in material.mentions if one.timed):
        reading = read(mention, setting)
        # it may be used on another day than its reading alone has, as an end after its start
        own = not any(read(mention, setting, one).instant in held for one in used)
        meant = [("", mention)] if own else []
        if mention.clock and not mention.zone:
            meant += [(f" ({zone.name})", replace(mention, zone=zone)) for zone in zones]
        new = {one: where for where, moved in meant for one in read(moved, setting).instants}
        new = {one: where for one, where in new.items() if one not in held and iso(one) not in told}
        if new or not reading.instants:
            held.update(new)
            later = ", later than now" if new and min(new) > setting.now else ""
            said = " or ".join(f"{iso(one)}{where}" for one, where in new.items()) or reading.problem
            quoted = material.quoted(mention.start, mention.end)
            found.append(f"{quoted} ({said}{later})" if len(found) < CANDIDATES else said)
    told = ", ".join(found[:_MOST])
    return [f"Times of the text, or readings of them, that are not used: {told}."] if told else []


def lengths_left(material: Material, began: datetime | None, end: datetime) -> list[str]:
    """A note on lengths of time, with the end that would follow from the start, or the start from the end."""
    found = []
    for match in islice(_SPAN.finditer(material.setting.prose.masked), _MOST):
        taken = any(one.start < match.end() and match.start() < one.end for one in material.mentions)
        span = length(match[0])
        if not taken and timedelta(minutes=1) <= span <= 7 * DAY:
            instant = iso(began + span if began else end - span)
            found.append(f"{material.quoted(*match.span())} ({'until' if began else 'since'} {instant})")
    once = list(dict.fromkeys(found))[:CANDIDATES]
    return [f"Lengths of time that are not used: {', '.join(once)}."] if once else []


def names_left(settled: dict[str, Settled[str]]) -> list[str]:
    """A note on known names in the text that are not the parameters."""
    named = [(kind, found, value) for kind, found in settled.items() for hit in found.hits for value in hit.values]
    left = dict.fromkeys(f"{kind} {quote(name)}" for kind, found, name in named if name != (found.value or name))
    return [f"Named in the text, and not looked at: {listed([*left], CANDIDATES)}."] if left else []
