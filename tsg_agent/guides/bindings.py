"""The guide's first step: its parameters' values from flags, from the incident's text, and from the telemetry."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from sqlglot import exp

from tsg_agent.errors import ParameterError, QuestionError
from tsg_agent.extract import Extraction, Given, Moment, extract
from tsg_agent.guides.errata import bounding
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.guide import WrittenGuide
from tsg_agent.models import Known, Parameter
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG, Kind
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.loading import quoted
from tsg_agent.telemetry.profile import known_values
from tsg_agent.tools.plugin import run_query
from tsg_agent.tools.rows import naive_utc

SCOPE = ("region", "service_name", "environment")
ANY = "any"
MOST_VALUES = 1000
CANDIDATES = 12
MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
QuestionOf = tuple[str, str, tuple[str, ...]]


@dataclass
class Bindings:
    """The parameters' values, as they are bound; times are naive UTC, as the telemetry has them."""

    values: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    start: str = ""
    """The parameter that opens the window."""
    end: str = ""
    incident_start: datetime | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Binder:
    """Settles a guide's parameters over what is known of an incident."""

    guide: WrittenGuide
    engine: Engine
    text: str
    given: Mapping[str, str]
    now: datetime
    settings: Settings

    def bindings(self, queries: list[Facts]) -> Bindings:
        """A value for every parameter that a query names. Raises QuestionError for what stays open, ParameterError."""
        trees = [one.parsed.tree for one in queries]
        bound = Bindings(
            start=next((name for tree in trees for name in bounding(tree, "low")), "start_time"),
            end=next((name for tree in trees for name in bounding(tree, "high")), "end_time"),
        )
        parameters = self.guide.parameters
        named = {name.name for tree in trees for name in tree.find_all(exp.Placeholder)} | {bound.end}
        unknown = sorted(set(self.given) - {one.name for one in parameters} - set(Given.model_fields) - named)
        if unknown:
            raise ParameterError(
                f"The guide has no parameter {', '.join(unknown)}.",
                fix=f"It has {', '.join(one.name for one in parameters) or 'none'}.",
            )
        questions = self._window(bound)
        compared, asked = _compared(queries), {name for name, _, _ in questions}
        of_window = {bound.start, bound.end} if questions else set()
        for parameter in parameters:
            if parameter.name in named and parameter.name not in {*bound.values, *of_window, *asked}:
                questions += self._settle(bound, parameter, compared.get(parameter.name, []))
        if questions:
            raise QuestionError(questions, by_name=True)
        return bound

    def _window(self, bound: Bindings) -> list[QuestionOf]:
        """The times, and region, service and environment where the guide means the catalogue's, by the usual Step 1."""
        names = {one.name for one in self.guide.parameters}
        usual = set(SCOPE) <= names and any(table in CATALOG for table in self.engine.tables)
        known = (
            known_values(self.engine, self.settings.query_timeout)
            if usual
            else Known(regions=(ANY,), services=(ANY,), environments=(ANY,))
        )
        times = {"start_time": self.given.get(bound.start), "end_time": self.given.get(bound.end)}
        flags = {name: self.given.get(name) for name in Given.model_fields} | {k: v for k, v in times.items() if v}
        if not usual:
            flags |= dict.fromkeys(SCOPE, ANY)
        try:
            checked = Given.model_validate({name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            problem = error.errors()[0]
            raise ParameterError(
                f"{problem['loc'][-1]} is wrong: {problem['msg']}.", fix="Times are ISO 8601."
            ) from error
        found: Extraction = extract(
            self.text,
            known,
            checked,
            now=self.now,
            window_hours=self.settings.window_hours,
            default_threshold=self.settings.default_threshold,
        )
        bound.notes += found.notes
        if found.parameters is None:
            return [(one.parameter, one.text, one.candidates) for one in found.questions]
        read = found.parameters
        bound.incident_start = read.incident_start
        bound.values |= {bound.start: naive_utc(read.start_time), bound.end: naive_utc(read.end_time)}
        bound.origins |= {bound.start: read.origins.get("start_time", ""), bound.end: read.origins.get("end_time", "")}
        if read.incident_start:
            bound.values["incident_start"] = naive_utc(read.incident_start)
        for name in (*(SCOPE if usual else ()), *(names & {"threshold"})):
            bound.values[name], bound.origins[name] = getattr(read, name), read.origins.get(name, "")
        return []

    def _settle(self, bound: Bindings, parameter: Parameter, compared: list[tuple[str, str]]) -> list[QuestionOf]:
        """A value for one parameter; a question where nothing settles it. `compared`: the columns that meet it."""
        name = parameter.name
        columns = [(table, column) for table, column in compared if table in self.engine.tables]
        values = tuple(dict.fromkeys(value for one in columns for value in self._values(*one)))
        written = self.given.get(name) or _written(self.text, name)
        if written is not None:
            typed = _typed(parameter, written)
            if values and isinstance(typed, str):
                meant = next((value for value in values if _folded(value) == _folded(typed)), None)
                if meant is None and len(values) < MOST_VALUES:
                    asked = f"The telemetry has no {name} {typed[:60]!r}. Which is meant?"
                    return [(name, asked, values[:CANDIDATES])]
                typed = meant or typed
            bound.values[name], bound.origins[name] = typed, "given" if name in self.given else "written in the text"
            return []
        said = [value for value in values if _is_said(value, self.text)]
        said = [one for one in said if not any(one != other and one in other for other in said)]
        if len(said) == 1 or (not said and len(values) == 1):
            bound.values[name] = said[0] if said else values[0]
            bound.origins[name] = "named in the text" if said else "the only one in the telemetry"
            return []
        if not columns and compared:
            bound.values[name], bound.origins[name] = "", "not needed: its tables are not there"
            return []
        about = f" ({parameter.description})" if parameter.description else ""
        return [(name, f"Which {name} is it?{about}", tuple(said or values)[:CANDIDATES])]

    def _values(self, table: str, column: str) -> list[str]:
        """The texts that a column holds, the most frequent first."""
        sql = (
            f"SELECT CAST({quoted(column)} AS VARCHAR) AS value, count(*) AS rows FROM {quoted(table)} "  # noqa: S608 - quoted names
            f"WHERE {quoted(column)} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_VALUES}"
        )
        return [str(one) for one in run_query(self.engine, sql, {}, self.settings.query_timeout).column(0).to_pylist()]


def _compared(queries: Iterable[Facts]) -> dict[str, list[tuple[str, str]]]:
    """Parameter -> the tables' columns that it is compared with."""
    found: dict[str, list[tuple[str, str]]] = {}
    for facts in queries:
        for scope, node in facts.calls((exp.EQ, exp.In)):
            sides = [node.this, *([node.expression] if isinstance(node, exp.EQ) else node.expressions)]
            for placeholder in [one for one in sides if isinstance(one, exp.Placeholder) and one.name]:
                for column in [one for one in sides if isinstance(one, exp.Column)]:
                    made = facts.origin(column, scope)
                    if made and made.table:
                        held = found.setdefault(placeholder.name, [])
                        held += [] if (made.table, made.name) in held else [(made.table, made.name)]
    return found


def _written(text: str, name: str) -> str | None:
    """What stands behind "name:" or "name =" in the text."""
    words = re.escape(name).replace("_", r"[ _-]")
    match = re.search(rf"(?im)^[\s*+`-]*{words}\**`?\s*[:=]\s*\**\s*`?([^\n`*]{{1,200}})", text)
    return match[1].strip() if match and match[1].strip() else None


def _is_said(value: str, text: str) -> bool:
    """True if a text names a value: as a word of its own, with any marks between its parts."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", value) if part]
    if not parts or len(value) < 2:
        return False
    between = r"[\W_]*"
    return bool(re.search(rf"(?i)(?<!\w){between.join(parts)}(?!\w)", text))


def _folded(value: str) -> str:
    return re.sub(r"[\W_]+", "", value).lower() or value


def _typed(parameter: Parameter, written: str) -> object:
    """A written value as the parameter's kind. Raises ParameterError."""
    kind = Kind[parameter.kind.upper()]
    try:
        if kind is Kind.TIMESTAMP:
            return naive_utc(MOMENT.validate_python(written))
        if kind in {Kind.NUMBER, Kind.INTEGER}:
            number = float(re.sub(r"[,%\s]", "", written))
            return int(number) if kind is Kind.INTEGER or number.is_integer() else number
    except (ValueError, ValidationError, OverflowError) as error:
        raise ParameterError(
            f"{parameter.name} is {written[:60]!r}, where a {parameter.kind} is needed.",
            fix="Give it with --parameter.",
        ) from error
    if kind is Kind.BOOLEAN:
        return written.strip().lower() in {"true", "yes", "1", "on"}
    return written
