"""Compares two runs of the same exam, with significance tests."""

from eval.intervals import mcnemar, sign_flip
from eval.report import LEFT_OUT
from eval.results import Result, Run, by_case, failures
from eval.scorers import COSTS, FAULTS, SHARES

LEVEL = 0.05
LISTED = 20


def compare(before: Run, after: Run) -> str:
    """Markdown: a line per score with its paired test, then the incidents that changed."""
    old, new = by_case(before.results), by_case(after.results)
    shared = sorted(set(old) & set(new))
    lines = [f"# {before.head.entrant} -> {after.head.entrant}", ""]
    lines += [f"{len(shared)} incidents in both; {len(set(old) ^ set(new))} in one only, left out.", ""]
    lines += [f"Before, {failures(before.results)}; after, {failures(after.results)}. {LEFT_OUT}", ""]
    lines += ["| score | before | after | better | worse | p | |", "|---|---|---|---|---|---|---|"]
    tests: list[tuple[str, str, float]] = []
    differing: list[str] = []
    """Scores that differ in some incident: only these are tested, since others would only weaken the correction."""
    moved: dict[str, list[str]] = {}
    for name in ("passed", *SHARES, *FAULTS, *COSTS):
        pairs = [(key, _mean(old[key], name), _mean(new[key], name)) for key in shared]
        known = [(key, a, b) for key, a, b in pairs if a is not None and b is not None]
        if not known:
            continue
        sign = -1 if name in (*FAULTS, *COSTS) else 1
        gains = [(key, sign * (b - a)) for key, a, b in known]
        better, worse = sum(gain > 0 for _, gain in gains), sum(gain < 0 for _, gain in gains)
        plain = all(value in (0.0, 1.0) for _, a, b in known for value in (a, b))
        p = mcnemar(better, worse) if plain else sign_flip([gain for _, gain in gains])
        means = [sum(values) / len(known) for values in ([a for _, a, _ in known], [b for _, _, b in known])]
        if better or worse:
            differing.append(name)
        tests.append((name, f"| {name} | {means[0]:.3f} | {means[1]:.3f} | {better} | {worse} | {p:.3g} |", p))
        if name not in COSTS:
            moved[name] = [
                f"{key[0]}{f' (seeds {key[1]})' if key[1] else ''} {'+' if g > 0 else '-'}" for key, g in gains if g
            ]
    firm = _holm({name: p for name, _, p in tests if name in differing})
    for name, line, _ in tests:
        what = "more than noise" if name in firm else "may be chance" if name in differing else "the same"
        lines.append(f"{line} {what} |")
    lines += [
        "",
        f'p: McNemar\'s exact test where all are 0 or 1, else a paired permutation test; "more than noise" at '
        f"{LEVEL:g} after Holm's correction for the {len(differing)} scores that differ.",
        "",
    ]
    for name, changed in moved.items():
        if changed:
            more = f" and {len(changed) - LISTED} more" if len(changed) > LISTED else ""
            lines.append(f"- **{name}**: {', '.join(changed[:LISTED])}{more}")
    return "\n".join(lines) + "\n"


def _mean(runs: list[Result], name: str) -> float | None:
    values = [float(run.passed) if name == "passed" else run.scores.get(name) for run in runs]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _holm(p_values: dict[str, float]) -> set[str]:
    """Names with a p significant at LEVEL after correction for multiple tests (Holm 1979)."""
    firm: set[str] = set()
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > LEVEL / (len(p_values) - rank):
            break
        firm.add(name)
    return firm
