"""`python -m benchmarks [investigation] [branches] [demo] [size] [model] [mutations]`: all, or the named ones."""

import sys

from benchmarks import branches, demo, investigation, model, mutations, size

ALL = {
    "investigation": investigation.measure,
    "branches": branches.measure,
    "demo": demo.measure,
    "size": size.measure,
    "model": lambda: model.main([]),
    "mutations": mutations.measure,
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
