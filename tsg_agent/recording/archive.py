"""Reads the zip of an untrusted recording: bounds every size before it decompresses."""

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

INDEX = "recording.json"
MEGABYTE = 2**20
MOST_INDEX = 32 * MEGABYTE
MOST_RESULT = 64 * MEGABYTE
MOST_BYTES = 256 * MEGABYTE
"""Largest total size of the decompressed members, and so of the file."""
MOST_MEMBERS = 2_000
_RESULT = re.compile(r"results/[0-9a-f]{32}\.arrow")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_UTF8 = 0x800
"""The only accepted flag of a member: others mean encryption or patches."""
_END = struct.Struct("<4s4H2LH")
_LOCATOR = 20
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_MOST_DIRECTORY = MOST_MEMBERS * 128
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, LookupError, zipfile.BadZipFile, zlib.error, struct.error)


class Unfit(Exception):
    """A defect of a recording; its message follows "…: "."""


def result_file(key: str) -> str:
    """The member that holds a query's result."""
    return f"results/{key}.arrow"


def members(file: Path) -> dict[str, bytes]:
    """Member name -> decompressed bytes. Raises Unfit."""
    try:
        if not file.is_file():
            raise Unfit("there is no such file")
        with file.open("rb") as held:
            _check_end(held.read, held.seek, file.stat().st_size)
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            for info in infos:
                _check_member(info)
            check_sizes({info.filename: info.file_size for info in infos})
            if len({info.filename for info in infos}) < len(infos):
                raise Unfit("it holds two members of one name")
            return {info.filename: _inflated(archive, info) for info in infos}
    except _BROKEN as error:
        raise Unfit("it is damaged, or no recording") from error


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Check that a recording with members of these sizes is readable. Raises Unfit."""
    if len(sizes) > MOST_MEMBERS:
        raise Unfit(f"it holds more than {MOST_MEMBERS:,} members")
    for name, size in sizes.items():
        most = MOST_INDEX if name == INDEX else MOST_RESULT
        if size > most:
            raise Unfit(f"{name} has more than {most // MEGABYTE} MB")
    if sum(sizes.values()) > MOST_BYTES:
        raise Unfit(f"its members have more than {MOST_BYTES // MEGABYTE} MB together")


def _check_end(read: Callable[[int], bytes], seek: Callable[[int], object], size: int) -> None:
    """Check the end-of-central-directory record: `zipfile` reads a directory of any length it states."""
    if size > MOST_BYTES:
        raise Unfit(f"it has more than {MOST_BYTES // MEGABYTE} MB")
    seek(max(0, size - _END.size - _LOCATOR))
    tail = read(_END.size + _LOCATOR)
    signature, *_, entries, directory, _, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or comment or tail[: -_END.size].startswith(_LOCATOR_SIGNATURE):
        raise Unfit("it is damaged, or no recording")
    if entries > MOST_MEMBERS or directory > _MOST_DIRECTORY:
        raise Unfit(f"it holds more than {MOST_MEMBERS:,} members")


def _check_member(info: zipfile.ZipInfo) -> None:
    if info.filename != INDEX and not _RESULT.fullmatch(info.filename):
        raise Unfit("it holds a member that no recording has")
    if info.flag_bits & ~_UTF8 or info.compress_type not in _METHODS:
        raise Unfit(f"{info.filename} is encrypted, or packed in an unusual way")


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's decompressed bytes; reads at most one byte more than its stated size."""
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise Unfit(f"{info.filename} has not the size that it names")
    return data
