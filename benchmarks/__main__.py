"""`python -m benchmarks [investigation] [branches] [demo] [size] [at_once] [surfaces]`: all, or the named ones."""

import sys

from benchmarks import at_once, branches, demo, investigation, size, surfaces

ALL = {
    "investigation": investigation.measure,
    "branches": branches.measure,
    "demo": demo.measure,
    "size": size.measure,
    "at_once": at_once.measure,
    "surfaces": surfaces.measure,
}


def main() -> None:
    """Run the named benchmarks, each in turn."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(ALL)}.")
    for name in names:
        ALL[name]()


main()
