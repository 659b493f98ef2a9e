"""Times in queries: units that do not exist, the clock, equal instants, zones, slopes."""

from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.errata import UNITS, clocks, counted_unit, end_parameters, shared_times, time_joins
from tsg_agent.guides.lint.inspection import Inspection, in_query, text
from tsg_agent.guides.lint.problem import GuideProblem

ENGINES = ("DuckDB", "PostgreSQL")
FIELDS = UNITS | {
    "epoch", "dow", "isodow", "doy", "isoyear", "millennia", "centuries", "timezone", "timezone_hour",
    "timezone_minute", "weekday", "dayofweek", "dayofyear", "yearweek", "era", "julian", "epoch_ms", "weekofyear",
}  # fmt: skip


def units(about: Inspection) -> Iterator[GuideProblem]:
    """Units of time that no engine has."""
    for facts in about.facts:
        for _, node in facts.calls((exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.Interval)):
            unit = node.args.get("unit") if not isinstance(node, exp.Extract) else node.this
            name = unit.name.lower() if unit is not None else ""
            width = counted_unit(node)
            plain = name.removesuffix("s") if name not in FIELDS else name
            if not name or plain in FIELDS or isinstance(unit, exp.Column | exp.Placeholder):
                continue
            fix = f"time_bucket(INTERVAL '{width[0]} {width[1].lower()}s', …)" if width else ""
            yield in_query(
                facts,
                node,
                "error",
                engines=ENGINES,
                fix=fix,
                what=f"{name!r} is no unit of time",
                why="DATE_TRUNC takes one unit, not a number of them." if width else "The query does not run.",
            )


def clock_times(about: Inspection) -> Iterator[GuideProblem]:
    """Calls of the clock."""
    for facts in about.facts:
        for node in clocks(facts):
            end = next((one for facts_ in about.facts for one in end_parameters(facts_.parsed.tree)), "")
            declared = [one.name for one in about.guide.parameters if one.kind == "timestamp" and "end" in one.name]
            end = end or next(iter(declared), "")
            yield in_query(
                facts,
                node,
                "warning",
                what=f"{text(node)} is the clock's time",
                why="The same telemetry gives another answer on another day: a replay is none.",
                fix=f"{{{end}}}, the window's end" if end else "A parameter for the window's end.",
            )


def exact_joins(about: Inspection) -> Iterator[GuideProblem]:
    """Joins on equal instants."""
    for facts in about.facts:
        compared = [(one.comparison, one.join) for one in time_joins(facts)]
        for node, join in [*compared, *((join, join) for _, join in shared_times(facts))]:
            yield in_query(
                facts,
                node,
                "warning",
                what=f"{text(node)} joins on equal instants",
                why="Rows of two tables rarely carry the same instant: almost nothing matches.",
                fix=f"The newest row of {join.this.name} at or before, with a limit to its age.",
            )


def unsaid_zones(about: Inspection) -> Iterator[GuideProblem]:
    """Times without a zone."""
    timed = [parameter for parameter in about.guide.parameters if parameter.kind == "timestamp"]
    if timed and not about.guide.zone_said and about.facts:
        yield GuideProblem(
            rule="",
            severity="note",
            line=timed[0].line,
            what=f"{', '.join(parameter.name for parameter in timed)}: nothing says in which time zone",
            why="A window in the session's zone finds other rows than one in the telemetry's.",
            fix="Say it where the parameter is described: (UTC).",
        )


def slopes(about: Inspection) -> Iterator[GuideProblem]:
    """Slopes over seconds."""
    for facts in about.facts:
        for scope, node in facts.calls((exp.GT, exp.GTE, exp.LT, exp.LTE)):
            limit = conditions.number(node.expression)
            found = facts.origin(node.this, scope) if isinstance(node.this, exp.Column) else None
            slope = found.made.find(exp.RegrSlope) if found and limit else None
            seconds = slope.find(exp.Extract) if slope is not None else None
            if limit and seconds is not None and seconds.this.name.lower() == "epoch":
                yield in_query(
                    facts,
                    node,
                    "warning",
                    what=f"{text(node)} compares a slope per second",
                    why=f"{abs(limit):g} a second is {abs(limit) * 3600:g} an hour: slower change reads as none.",
                    fix="Divide the seconds by 3600.0, and compare points an hour.",
                )
