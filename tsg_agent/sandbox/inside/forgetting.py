"""Erases the paths of Python and its libraries from the zygote's memory, so that untrusted code cannot read them."""

import contextlib
import ctypes
import gc
import os
import platform
import re
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, Final

Tells = Callable[[str], object]
"""True if a text contains one of the paths."""
_NUMBERED: Final = "/proc/self/fd/"
_UNKNOWN: Final = "<unknown>"
_AT_EXECFN: Final = 31
"""Key of the program's own path in the auxiliary vector: <elf.h>."""


def forget_places() -> None:
    """Erases the paths of Python, its libraries and the package, and the host name, from this process.

    Modules that were imported through a folder's descriptor (`launch.py`) do not contain paths; those that Python
    imported before do, and so does Python's build configuration.
    """
    sys.orig_argv, sys.argv, sys.warnoptions = [], [], []
    known = (sys.prefix, sys.base_prefix, str(Path(sys.executable).parent), str(Path("~/.local").expanduser()))
    places = tuple(place for place in (*_real_folders(), *known) if len(place) > 1)  # no list: it would be erased too
    os.environ.pop("LD_LIBRARY_PATH", None)
    tells = re.compile("|".join(map(re.escape, places))).search
    for one in (vars(sys), *gc.get_objects()):
        _forget_in(one, tells)
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == _UNKNOWN:
            module.__loader__ = None
            module.__path__ = []
    told = platform.uname()
    platform._uname_cache = platform.uname_result(told.system, "", told.release, told.version, told.machine)  # type: ignore[attr-defined]  # what its functions give
    re.purge()  # which keeps the pattern above
    _forget_places_in_c(tuple(place.encode() for place in places))


def _forget_in(one: Any, tells: Tells) -> None:
    """Erases paths from one object that the garbage collector tracks."""
    kind = type(one)
    if kind is dict:
        _forget_values(one, tells)
    elif kind.__name__ in ("SimpleNamespace", "Template", "PackageLoader"):  # pandas' Styler loads Jinja templates
        _forget_values(getattr(one, "__dict__", {}), tells)
    elif kind is CellType:
        with contextlib.suppress(ValueError):  # an empty one
            if type(one.cell_contents) is str and tells(one.cell_contents):
                one.cell_contents = _UNKNOWN
    elif kind is list:
        if any(type(value) is str and tells(value) for value in one):
            one[:] = [_UNKNOWN if type(value) is str and tells(value) else value for value in one]
    elif kind is FunctionType:
        if tells(one.__code__.co_filename):
            one.__code__ = one.__code__.replace(co_filename=_UNKNOWN)
        if one.__defaults__ and any(type(value) is str and tells(value) for value in one.__defaults__):
            one.__defaults__ = tuple(
                None if type(value) is str and tells(value) else value for value in one.__defaults__
            )
    elif kind is ModuleSpec and tells(str(one.origin)):
        one.origin = one.cached = _UNKNOWN
        one.loader = one.submodule_search_locations = None


def _forget_values(held: dict[object, object], tells: Tells) -> None:
    for name, value in list(held.items()):
        if type(value) is str:
            if "/" in value and tells(value):
                held[name] = _UNKNOWN
        elif isinstance(value, Path) and tells(str(value)):
            held[name] = Path(_UNKNOWN)
        elif type(value) is dict and not gc.is_tracked(value):  # of texts and numbers: not in gc.get_objects()
            _forget_values(value, tells)


def _forget_places_in_c(places: tuple[bytes, ...]) -> None:
    """Erases paths from the memory of Python's runtime, the C library and its loader, with ctypes."""
    texts = [_auxiliary(_AT_EXECFN)]
    with contextlib.suppress(ValueError):  # other C libraries may lack it
        texts.append(ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value)
    library: ctypes._Pointer[_Library] | None = ctypes.cast(_handle(), ctypes.POINTER(_Library))
    while library:
        texts.append(library.contents.name)
        library = library.contents.next
    for text in texts:
        if text and any(place in ctypes.string_at(text) for place in places):
            ctypes.memset(text, 0, len(ctypes.string_at(text)))
    for name in ("Py_GetPath", "Py_GetPrefix", "Py_GetExecPrefix", "Py_GetProgramFullPath", "Py_GetProgramName"):
        told = getattr(ctypes.pythonapi, name, None)  # later Python versions may lack it
        if told is not None:
            told.restype = ctypes.c_void_p
            if at := told():
                ctypes.memset(at, 0, ctypes.sizeof(ctypes.c_wchar))


class _Library(ctypes.Structure):
    """An entry of the loader's list of loaded libraries (link_map of <link.h>); the first is the program."""


_Library._fields_ = [
    ("address", ctypes.c_void_p), ("name", ctypes.c_void_p), ("dynamic", ctypes.c_void_p),
    ("next", ctypes.POINTER(_Library)),
]  # fmt: skip


def _handle() -> int:
    return ctypes.CDLL(None)._handle


def _auxiliary(kind: int) -> int | None:
    """An entry of the auxiliary vector, by its key; None if it is missing."""
    getauxval = ctypes.CDLL(None).getauxval
    getauxval.restype, getauxval.argtypes = ctypes.c_void_p, [ctypes.c_ulong]
    found: int | None = getauxval(kind)
    return found


def _real_folders() -> list[str]:
    """The open folders, from which modules were imported."""
    return [str(one.readlink()) for one in Path(_NUMBERED).iterdir() if one.is_dir() and one.readlink() != Path("/")]
