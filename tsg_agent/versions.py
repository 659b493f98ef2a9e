"""The order of release numbers, part by part."""

import re

VERSION = re.compile(r"[vV]?(\d{1,18}(?:\.\d{1,18})*)(?:[-_+.]?([0-9A-Za-z][0-9A-Za-z.+_-]*))?")
PRE_RELEASE = re.compile(r"(?:alpha|beta|rc|pre|preview|dev|snapshot|canary|nightly|a|b|m)[.\-_]?(\d*)", re.IGNORECASE)
BUILD = re.compile(r"\+.*$")

ReleaseKey = tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]]


def release_key(version: str | None) -> ReleaseKey | None:
    """A key that sorts releases: 3.14 = 3.14.0 < 3.140.2 < 4.0.0, v3.14.2 = 3.14.2, 3.15.0-rc1 < 3.15.0.

    None for what cannot be read as a release number. Source: Semantic Versioning 2.0, loosened.
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
