"""The order of release numbers, part by part."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

VERSION = re.compile(r"[vV]?(\d{1,18}(?:\.\d{1,18})*)(?:[-_+.]?([0-9A-Za-z][0-9A-Za-z.+_-]*))?")
PRE_RELEASE = re.compile(r"(?:alpha|beta|rc|pre|preview|dev|snapshot|canary|nightly|a|b|m)[.\-_]?(\d*)", re.IGNORECASE)
BUILD = re.compile(r"\+.*$")

ReleaseKey = tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]]


def release_key(version: str | None) -> ReleaseKey | None:
    """A key that sorts releases: 3.14 = 3.14.0 < 3.140.2 < 4.0.0, v3.14.2 = 3.14.2, 3.15.0-rc1 < 3.15.0.

    None if it is no release number. Source: Semantic Versioning 2.0, relaxed.
    """
    match = VERSION.fullmatch(BUILD.sub("", version.strip())) if version else None
    if not match:
        return None
    numbers = tuple(int(part) for part in match.group(1).split("."))
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    suffix = match.group(2) or ""
    if not suffix:
        return numbers, 1, ()
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part.lower())
        for part in re.split(r"[.\-_]|(?<=\D)(?=\d)|(?<=\d)(?=\D)", suffix)
        if part
    )
    # A pre-release sorts before its release; any other suffix (a build, a hash) after it.
    return numbers, 0 if PRE_RELEASE.match(suffix) else 2, parts


HASH = re.compile(r"[0-9a-f]{7,40}", re.IGNORECASE)
SETTLED = timedelta(minutes=5)
"""Versions first seen so soon after the first row may have existed before."""


@dataclass(frozen=True)
class VersionOrder:
    """The order of versions: a sort key for each with a known rank; equal keys for a shared rank."""

    keys: dict[str, Any]
    by_time: bool
    """True if ordered by first appearance, not by release number."""


def version_order(seen: Mapping[str | None, Any], settled: Any = SETTLED) -> VersionOrder:
    """The order of a service's versions. `seen`: when each was first seen, as a time, minute or bucket.

    `settled`: in the same unit, see SETTLED.

    Release numbers are ordered as such, and other versions have no rank. If some are hashes, or most are no release
    numbers (branches, names), all are ordered by first appearance; those present from the beginning share a rank.
    """
    named = [version for version in seen if version]
    releases = {version: key for version in named if (key := release_key(version)) is not None}
    if not any(map(_is_hash, named)) and 2 * len(releases) >= len(named):
        return VersionOrder(dict(releases), by_time=False)
    times = {version: time for version in named if (time := seen[version]) is not None}
    if not times:
        return VersionOrder({}, by_time=True)
    first = min(times.values())
    keys = {version: first if time <= first + settled else time for version, time in times.items()}
    return VersionOrder(keys if len(set(keys.values())) > 1 else {}, by_time=True)


def _is_hash(version: str) -> bool:
    """True for a hash or its prefix: release numbers have no letters between digits."""
    return HASH.fullmatch(version) is not None and not version.isdigit()
