"""Time zones as people write them: offsets, IANA names and abbreviations, the ambiguous ones kept as such."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

# Abbreviations of one place's winter or summer time. Many write "PST" all year round: on a date when the place
# keeps its other time, what is written and what is meant may differ by an hour, so both readings are kept.
_SEASONAL: dict[str, tuple[float, str]] = {
    "PST": (-8, "America/Los_Angeles"),
    "PDT": (-7, "America/Los_Angeles"),
    "MST": (-7, "America/Denver"),
    "MDT": (-6, "America/Denver"),
    "CDT": (-5, "America/Chicago"),
    "EST": (-5, "America/New_York"),
    "EDT": (-4, "America/New_York"),
    "WET": (0, "Europe/Lisbon"),
    "WEST": (1, "Europe/Lisbon"),
    "CET": (1, "Europe/Berlin"),
    "CEST": (2, "Europe/Berlin"),
    "MEZ": (1, "Europe/Berlin"),
    "MESZ": (2, "Europe/Berlin"),
    "EET": (2, "Europe/Helsinki"),
    "EEST": (3, "Europe/Helsinki"),
}
_FIXED: dict[str, float] = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "ZULU": 0,
    "MSK": 3,
    "PKT": 5,
    "WIB": 7,
    "HKT": 8,
    "SGT": 8,
    "AWST": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
_PLACES: dict[str, str] = {
    "PT": "America/Los_Angeles",
    "MT": "America/Denver",
    "CT": "America/Chicago",
    "ET": "America/New_York",
    "PACIFIC": "America/Los_Angeles",
    "MOUNTAIN": "America/Denver",
    "CENTRAL": "America/Chicago",
    "EASTERN": "America/New_York",
}
# Abbreviations that several places use for different offsets.
_AMBIGUOUS: dict[str, tuple[float, ...]] = {
    "IST": (5.5, 2, 1),
    "CST": (-6, 8, -5),
    "BST": (1, 6),
    "AST": (-4, 3),
    "GST": (4, -2),
    "SST": (-11, 8),
}
_COUNTRIES = {
    "india": "Asia/Kolkata",
    "japan": "Asia/Tokyo",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "korea": "Asia/Seoul",
    "israel": "Asia/Jerusalem",
    "uk": "Europe/London",
    "british": "Europe/London",
    "german": "Europe/Berlin",
    "munich": "Europe/Berlin",
    "french": "Europe/Paris",
    "irish": "Europe/Dublin",
    "seattle": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles",
    "boston": "America/New_York",
}
"""Besides the cities that name the zones themselves."""
_NO_PLACE = frozenset({
    "Average", "Build", "Down", "End", "First", "Idle", "Last", "Lead", "Load", "Long", "Maximum", "Mean", "Median",
    "No", "Processing", "Query", "Real", "Request", "Response", "Run", "Same", "Second", "Start", "The", "This",
    "Total", "Up", "Wait",
})  # fmt: skip
"""What "14:05 Response time rose" begins with, and the like."""
LOCAL = "local time"
_WIDEST = 14  # hours; no place is further from UTC

_NAMES = "|".join(sorted({*_SEASONAL, *_FIXED, *_PLACES, *_AMBIGUOUS} - {"Z"}, key=len, reverse=True))
_AREAS = "Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc|US"
# Lower case only where it cannot be a word: "est", "met", "west" are words.
_LOWER = "utc|gmt|pst|pdt|cet|cest|edt|mst|jst|ist|cst|bst|est(?!\\.)|zulu"
_ZONE = re.compile(
    rf"""[ ]?[(\[]?(?:
      (?P<iana>(?:{_AREAS})/[A-Za-z_]{{2,30}}(?:/[A-Za-z_]{{2,30}}|[+-][0-9]{{1,2}})?)
    | (?:UTC|GMT|utc|gmt)[ ]?(?P<based>[+-][0-9]{{1,2}}(?::?[0-9]{{2}})?)(?![\w:])
    | (?P<local>(?:local|Local)(?:[ ](?:server[ ])?time)?|(?:our|my|their|your|server|office|site)(?:'s)?[ ]time)\b
    | (?P<place>Pacific|Mountain|Central|Eastern)
      (?:[ ](?:(?:Standard|Daylight)[ ])?[Tt]ime\b|(?![\w/-]|[ ](?:Europe|European|region|cluster|zone|[Uu][Ss])\b))
    | (?P<city>[A-Z][a-z]{{1,20}}(?:[ ][A-Z][a-z]{{1,20}}){{0,2}}|UK)[ ][Tt]ime\b
    | (?P<name>{_NAMES}|{_LOWER})(?![\w/-])
    )[)\]]?""",
    re.VERBOSE,
)
_ATTACHED = re.compile(r"[ ]?[Zz](?!\w)|[ ]?(?P<plus>\+[0-9]{2}(?::?[0-9]{2})?)(?![\w:%]|\.[0-9])")
_MINUS = re.compile(r"[ ]?(?P<minus>-[0-9]{2}:?[0-9]{2})(?![\w:%]|\.[0-9])")
_DEFAULT = re.compile(
    r"(?:\b(?:all )?(?:times?|timestamps)(?: (?:are|is|below|shown|given|in|listed|here)){1,3}(?: the)?"
    r"|\btime ?zone(?: is)?\s{0,2}[:=]?)(?=[ ])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as written."""

    name: str

    def instants(self, local: datetime) -> list[datetime]:
        """The UTC instants that a naive local time may mean: several when ambiguous, none when it cannot be."""
        if self.name == LOCAL:
            return []
        upper = self.name.upper()
        several = _AMBIGUOUS.get(upper) or ((_FIXED[upper],) if upper in _FIXED else ())
        if several:
            return [_at(local, hours) for hours in several]
        if upper in _SEASONAL:
            hours, place = _SEASONAL[upper]
            kept = _in_place(local, place)
            written = _at(local, hours)
            return [written, *[instant for instant in kept if instant != written]] if kept else [written]
        if self.name[:1] in "+-":
            hours = _hours(self.name)
            return [_at(local, hours)] if abs(hours) <= _WIDEST else []
        return _in_place(local, _PLACES.get(upper, self.name))

    def today(self, now: datetime) -> datetime:
        """`now` on this zone's wall clock, naive; UTC's where the zone is not settled."""
        naive = now.astimezone(UTC).replace(tzinfo=None)
        instants = self.instants(naive)
        return naive + (naive - instants[0].replace(tzinfo=None)) if instants else naive


def zone_after(text: str, position: int, *, minus: bool) -> tuple[Zone | None, int]:
    """The zone that directly follows a time, and where it ends. `minus`: may "-05:00" be an offset here?"""
    attached = _ATTACHED.match(text, position) or (_MINUS.match(text, position) if minus else None)
    if attached:
        return Zone(attached.groupdict().get("plus") or attached.groupdict().get("minus") or "UTC"), attached.end()
    match = _ZONE.match(text, position)
    if not match or (match["city"] and match["city"].split()[0] in _NO_PLACE):
        return None, position
    return _zone(match), match.end()


def default_zone(text: str) -> Zone | None:
    """The zone of a statement such as "all times are in CET" or "Timezone: Europe/Berlin"."""
    for match in _DEFAULT.finditer(text):
        zone = _ZONE.match(text, match.end())
        if zone:
            return _zone(zone)
    return None


def _zone(match: re.Match[str]) -> Zone:
    groups = match.groupdict()
    if groups["local"]:
        return Zone(LOCAL)
    if groups["city"]:
        return Zone(_cities().get(groups["city"].lower(), LOCAL))  # a time of somewhere: which hour it is, is asked
    return Zone(groups["iana"] or groups["based"] or groups["place"] or groups["name"])


@cache
def _cities() -> dict[str, str]:
    """Cities and countries in lower case -> the zone that they name."""
    named = {name.rpartition("/")[2].replace("_", " ").lower(): name for name in sorted(available_timezones())}
    areas = ("africa/", "america/", "asia/", "atlantic/", "australia/", "europe/", "indian/", "pacific/")
    return {city: zone for city, zone in named.items() if zone.lower().startswith(areas)} | _COUNTRIES


def _hours(offset: str) -> float:
    digits = offset[1:].replace(":", "")
    whole, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    hours = int(whole) + int(minutes) / 60
    return -hours if offset[0] == "-" else hours


def _at(local: datetime, hours: float) -> datetime:
    return (local - timedelta(hours=hours)).replace(tzinfo=UTC)


def _in_place(local: datetime, place: str) -> list[datetime]:
    """Both instants of an hour that a clock change repeats; none of one that it skips, or in an unknown place."""
    try:
        zone = ZoneInfo(place)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []
    found: list[datetime] = []
    for fold in (0, 1):
        instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        back = instant.astimezone(zone).replace(tzinfo=None)
        if back == local and instant not in found:
            found.append(instant)
    return found
