"""Times in queries: units that do not exist, the clock, equal instants, zones, slopes."""

from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.errata import UNITS, bounding, clocks, counted_unit, shared_times, time_joins
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.lint.inspection import Inspection, text
from tsg_agent.guides.lint.lint_rule import DUCKDB, POSTGRES, Occurrence, over_guide, over_queries, rule

FIELDS = UNITS | {
    "epoch", "dow", "isodow", "doy", "isoyear", "millennia", "centuries", "timezone", "timezone_hour",
    "timezone_minute", "weekday", "dayofweek", "dayofyear", "yearweek", "era", "julian", "epoch_ms", "weekofyear",
}  # fmt: skip


@rule(over_queries, "error", engines=(DUCKDB, POSTGRES))
def interval_unit(facts: Facts) -> Iterator[Occurrence]:
    """A unit of time that no engine has."""
    for _, node in facts.calls((exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.Interval)):
        unit = node.args.get("unit") if not isinstance(node, exp.Extract) else node.this
        name = unit.name.lower() if unit is not None else ""
        width = counted_unit(node)
        plain = name.removesuffix("s") if name not in FIELDS else name
        if not name or plain in FIELDS or isinstance(unit, exp.Column | exp.Placeholder):
            continue
        fix = f"time_bucket(INTERVAL '{width[0]} {width[1].lower()}s', …)" if width else ""
        why = "DATE_TRUNC takes one unit, not a number of them." if width else "The query does not run."
        yield Occurrence(node, f"{name!r} is no unit of time", why, fix)


@rule(over_guide, "warning", why="The same telemetry gives another answer on another day: a replay is none.")
def clock_time(about: Inspection) -> Iterator[Occurrence]:
    """NOW() and its like: another answer on another day."""
    ends = [name for facts in about.facts for name in bounding(facts.parsed.tree, "high")]
    ends += [one.name for one in about.guide.parameters if one.kind == "timestamp" and "end" in one.name]
    fix = f"{{{ends[0]}}}, the window's end" if ends else "A parameter for the window's end."
    for facts in about.facts:
        for node in clocks(facts):
            yield Occurrence(node, f"{text(node)} is the clock's time", fix=fix, within=facts)


@rule(over_queries, "warning", why="Rows of two tables rarely carry the same instant: almost nothing matches.")
def exact_time_join(facts: Facts) -> Iterator[Occurrence]:
    """A join on equal instants, which match almost nothing."""
    compared = [(one.comparison, one.join) for one in time_joins(facts)]
    for node, join in [*compared, *((join, join) for _, join in shared_times(facts))]:
        fix = f"The newest row of {join.this.name} at or before, with a limit to its age."
        yield Occurrence(node, f"{text(node)} joins on equal instants", fix=fix)


@rule(
    over_guide,
    "note",
    why="A window in the session's zone finds other rows than one in the telemetry's.",
    fix="Say it where the parameter is described: (UTC).",
)
def zone_unsaid(about: Inspection) -> Iterator[Occurrence]:
    """Times of which nothing says the zone."""
    timed = [parameter for parameter in about.guide.parameters if parameter.kind == "timestamp"]
    if timed and not about.guide.zone_said and about.facts:
        names = ", ".join(parameter.name for parameter in timed)
        yield Occurrence(timed[0].line, f"{names}: nothing says in which time zone")


@rule(over_queries, "warning", fix="Divide the seconds by 3600.0, and compare points an hour.")
def slope_per_second(facts: Facts) -> Iterator[Occurrence]:
    """A slope over seconds compared with a number meant for hours."""
    for scope, node in facts.calls((exp.GT, exp.GTE, exp.LT, exp.LTE)):
        limit = conditions.number(node.expression)
        found = facts.origin(node.this, scope) if isinstance(node.this, exp.Column) else None
        slope = found.made.find(exp.RegrSlope) if found and limit else None
        seconds = slope.find(exp.Extract) if slope is not None else None
        if limit and seconds is not None and seconds.this.name.lower() == "epoch":
            why = f"{abs(limit):g} a second is {abs(limit) * 3600:g} an hour: slower change reads as none."
            yield Occurrence(node, f"{text(node)} compares a slope per second", why)
