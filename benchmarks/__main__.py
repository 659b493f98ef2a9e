"""`python -m benchmarks [NAME …]`: all of ALL, or the named ones."""

import sys

from benchmarks import at_once, branches, demo, investigation, model, mutations, owners, size, surfaces

ALL = {
    "investigation": investigation.measure,
    "branches": branches.measure,
    "demo": demo.measure,
    "size": size.measure,
    "at_once": at_once.measure,
    "surfaces": surfaces.measure,
    "model": lambda: model.main([]),
    "mutations": mutations.measure,
    "owners": owners.measure,
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
