"""Preloads everything that a run may import, while files can still be read: later imports fail."""

import contextlib
import gc
import importlib
import pkgutil
import sys
import warnings
import zoneinfo
from typing import Final

# pyarrow starts threads, which is not possible in the sandbox. pandas works without it.
BLOCKED: Final = ("pyarrow",)

STANDARD_LIBRARY: Final = (
    "_strptime", "abc", "ast", "base64", "bisect", "calendar", "cmath", "collections.abc", "colorsys", "contextlib",
    "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "graphlib",
    "hashlib", "heapq", "html", "inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache", "locale",
    "math", "numbers", "operator", "pprint", "random", "re", "secrets", "shlex", "statistics", "string", "struct",
    "textwrap", "time", "timeit", "token", "tokenize", "traceback", "types", "typing", "unicodedata",
    "urllib.parse", "uuid", "warnings", "weakref", "zlib", "zoneinfo._zoneinfo",
    "encodings.ascii", "encodings.cp1252", "encodings.idna", "encodings.latin_1", "encodings.unicode_escape",
    "encodings.raw_unicode_escape", "encodings.utf_16", "encodings.utf_32", "encodings.utf_8_sig",
)  # fmt: skip

# Parts of pandas and numpy that no run can use (files, other programs, their own tests), or that load slowly.
_LEFT_OUT: Final = ("test", "f2py", "distutils", "_pyinstaller", "mypy_plugin", "_matplotlib")

_kept: list[object] = []


def load_everything() -> None:
    """Imports pandas, numpy, their submodules, and useful modules of the standard library; caches time zones."""
    for name in BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to forbid an import
    for name in STANDARD_LIBRARY:
        importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in ("numpy", "pandas"):
            _import_tree(package)
    _warm_time_zones()


def freeze() -> None:
    """Forbids further imports from files, and excludes loaded objects from the runs' garbage collection."""
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [finder for finder in sys.meta_path if "PathFinder" not in repr(finder)]
    gc.collect()
    gc.freeze()


def _import_tree(package: str) -> None:
    # Some submodules need a package that is not installed (a plotting library, an Excel reader, a type checker).
    with contextlib.suppress(ImportError):
        root = importlib.import_module(package)
        for part in pkgutil.iter_modules(getattr(root, "__path__", ()), f"{package}."):
            if not any(word in part.name for word in _LEFT_OUT):
                _import_tree(part.name)


def _warm_time_zones() -> None:
    in_python = importlib.import_module("zoneinfo._zoneinfo").ZoneInfo  # besides the one in C: pickles refer to it
    for key in sorted(zoneinfo.available_timezones()):
        for kind in (zoneinfo.ZoneInfo, in_python):
            with contextlib.suppress(ValueError, OSError):  # a broken file in the system's time zone database
                _kept.append(kind(key))
