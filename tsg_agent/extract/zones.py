"""Time zones as people write them: offsets, IANA names, cities and abbreviations. Ambiguous ones stay ambiguous."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tsg_agent.extract.words import ALL, any_of, data

_AMBIGUOUS: dict[str, list[tuple[float, str]]] = data("zones")["ambiguous"]
_READINGS: dict[str, list[float | str]] = data("zones")["names"] | {
    name: [hours for hours, _ in several] for name, several in _AMBIGUOUS.items()
}
"""What a name may stand for: the hours that are added to UTC, or a place's IANA zone."""
_NONE: dict[str, list[str]] = data("zones")["no_zone"]
LOCAL = "local time"
WIDEST = 14  # hours; no place is further from UTC

_NAMES = "|".join(sorted({*_READINGS} - {"Z"}, key=len, reverse=True))
_AREAS = "Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific"
# Lower case only where it cannot be a word: "est", "met", "west" are words.
_LOWER = "utc|gmt|pst|pdt|cet|cest|edt|mst|jst|ist|cst|bst|est(?!\\.)|zulu|mez|mesz"
_LOCAL = any_of(ALL.listed("calendar", "local_time")).replace(" ", "[ ]")
_WORDS = any_of(_NONE["words"])
_ZONE = re.compile(
    rf"""(?:,?[ ])?[(\[]?(?:
      (?P<iana>(?:{_AREAS}|Antarctica|Etc|US)/[A-Za-z_]{{2,30}}(?:/[A-Za-z_]{{2,30}}|[+-][0-9]{{1,2}})?)
    | (?:UTC|GMT|utc|gmt)[ ]?(?P<based>[+-][0-9]{{1,2}}(?::?[0-9]{{2}})?)(?![\w:])
    | {_LOCAL}[ ](?:in[ ]|de[ ]|à[ ])?(?P<at>[A-Z][a-z][\w-]{{1,20}})
    | (?P<local>{_LOCAL})\b
    | (?:hora|heure|horario)[ ](?:de[ ]|d'|del?[ ])?(?!(?:{_NAMES})\b)
      (?P<of>[A-Z][\w-]{{1,20}}(?:[ ][A-Z][\w-]{{1,20}}){{0,2}})
    | (?P<er>[A-Za-zäöüÄÖÜ]{{3,20}})e[rn]?[ ][Zz]eit\b
    | (?P<area>Pacific|Mountain|Central|Eastern)(?:(?:[ ](?:Standard|Daylight))?[ ][Tt]ime)?
      (?![\w/-]|[ ](?:European?|region|cluster|zone|[Uu][Ss])\b)
    | (?:(?:hora|heure|horario)[ ])?(?P<name>{_NAMES}|{_LOWER})(?![\w/-])
    | (?P<city>[A-Z][a-z]{{1,20}}(?:[ ][A-Z][a-z]{{1,20}}){{0,2}}|[a-z]{{4,20}}|(?!{_WORDS}\b)[A-Z]{{2,5}})[ ][Tt]ime\b
    | (?P<odd>(?!{_WORDS}\b)[A-Z]{{2,3}}T)(?![\w/-])
    )[)\]]?""",
    re.VERBOSE,
)
_OFFSET = re.compile(
    r"[ ]?[Zz](?!\w)|[ ]?(?P<offset>\+[0-9]{2}(?::?[0-9]{2})?|-[0-9]{2}:?[0-9]{2})(?![\w:%]|\.[0-9])"
    r"|[ ]?\((?P<inside>[+-][0-9]{2}:?[0-9]{2})\)"
)
_PLACE = re.compile(r"(?<![\w.-])[^\W\d_a-z][^\W\d_]{2,20}(?:[ ][^\W\d_a-z][^\W\d_]{2,20}){0,2}(?![\w-])")
_HEADS = any_of(ALL.listed("labels", "zone"))
_DEFAULT = ALL.like(
    rf"(?:\b(?:{{all_times}} )?{_HEADS}(?: {{zone_is}}){{1,3}}(?: {{zone_article}})?|\b{{all_times}} {_HEADS}"
    rf"|\b{{zone_word}}(?: is)?\s{{0,2}}[:=]?|\b{_HEADS}(?:(?=[ ]?[(\[])|[ ]?:))(?=[ ]?[(\[]|[ ])"
)
_ANSWERED = re.compile(
    rf"(?:^|(?<=\w: ))(?i:(?:yes|yeah|yep|ja|sí|oui)\W{{1,3}})?(?P<name>{_NAMES})[ .!?]*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as written. `how` tells what an ambiguous name was taken for."""

    name: str
    how: str = ""

    def instants(self, local: datetime) -> list[datetime]:
        """The UTC instants that a naive local time may mean; none if the zone is unknown or the time does not exist."""
        meant = [_hours(self.name)] if self.name[:1] in "+-" else _READINGS.get(self.name.upper(), [self.name])
        return list(dict.fromkeys(instant for one in meant for instant in _instants(local, one)))

    def today(self, now: datetime) -> datetime:
        """`now` on this zone's wall clock, naive; UTC's where the zone is not settled."""
        naive = now.astimezone(UTC).replace(tzinfo=None)
        instants = self.instants(naive)
        return naive + (naive - instants[0].replace(tzinfo=None)) if instants else naive

    def settled(self, said: str) -> "Zone":
        """The zone of the one place in `said`, of several that use its name; else the zone itself."""
        several = _AMBIGUOUS.get(self.name.upper(), ())
        searched = [(hours, re.search(rf"(?<![\w-])(?:{words})(?![\w-])", said, re.I)) for hours, words in several]
        found = [(hours, match[0]) for hours, match in searched if match]
        if len(found) != 1:
            return self
        hours, place = found[0]
        offset = f"{int(hours):+03}:{int(60 * abs(hours)) % 60:02}"
        return Zone(offset, f"{self.name} is taken for UTC{hours:+g}, as {place} is named")


def zone_after(text: str, position: int, *, minus: bool) -> tuple[Zone | None, int]:
    """The zone directly behind a time, and where it ends. `minus`: "-05:00" is an offset here, not a range."""
    attached = _OFFSET.match(text, position)
    if attached and (minus or not (attached["offset"] or "").startswith("-")):
        return Zone(attached["offset"] or attached["inside"] or "UTC"), attached.end()
    match = _ZONE.match(text, position)
    named = match and (match["city"] or match["er"])
    if not match or (named and (named.split()[0] in _NONE["places"] or (named.islower() and named not in _cities()))):
        return None, position
    return _zone(match), match.end()


def default_zone(text: str) -> Zone | None:
    """The zone that holds for all times: "all times are in CET", "Timezone: Europe/Berlin", or a column's head.

    Also one that stands in a line of its own, as the answer in a chat: "yes, PDT".
    """
    for match in _DEFAULT.finditer(text):
        zone = _ZONE.match(text, match.end())
        if zone and not zone["odd"]:
            return _zone(zone)
    answer = _ANSWERED.search(text)
    return Zone(answer["name"]) if answer else None


def _zone(match: re.Match[str]) -> Zone:
    said, of_a_place = match[match.lastgroup or 0], match.lastgroup in ("city", "at", "of", "er", "local")
    return Zone((_city(said.lower()) or LOCAL) if of_a_place else said)  # an unknown place: its offset is asked for


def places_in(text: str) -> list[Zone]:
    """The zones of the cities and countries in a text, in its order."""
    found = dict[str, None]()
    for match in _PLACE.finditer(text):
        words = match[0].lower().split()
        runs = [" ".join(words[i:j]) for i in range(len(words)) for j in range(len(words), i, -1)]
        found |= dict.fromkeys(next(([zone] for run in runs if (zone := _city(run))), []))
    return [Zone(name) for name in found]


def _city(name: str) -> str:
    """The IANA zone of a city or country, in lower case, with or without its accents; empty if none is known."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return _cities().get(name) or _cities().get(plain, "")


@cache
def _cities() -> dict[str, str]:
    """City or country in lower case -> its IANA zone."""
    named = {name.rpartition("/")[2].replace("_", " ").lower(): name for name in sorted(available_timezones())}
    countries: dict[str, str] = data("zones")["countries"]
    return {city: zone for city, zone in named.items() if re.match(rf"(?:{_AREAS})/", zone)} | countries


def _hours(offset: str) -> float:
    """Hours of `+05:30`, `+0530` or `+5`."""
    digits = offset[1:].replace(":", "")
    digits += "00" if len(digits) < 3 else ""
    return (int(digits[:-2]) + int(digits[-2:]) / 60) * (-1 if offset[0] == "-" else 1)


def _instants(local: datetime, meant: float | str) -> list[datetime]:
    """A local time in UTC, by hours or an IANA zone: two if a clock change repeats it, none if one skips it."""
    if not isinstance(meant, str):
        return [(local - timedelta(hours=meant)).replace(tzinfo=UTC)] if abs(meant) <= WIDEST else []
    try:
        zone = ZoneInfo(meant)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []
    found = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return [one for one in found if one.astimezone(zone).replace(tzinfo=None) == local]
