"""Questions answered without a model: read as typed queries, checks and the conclusion; or refused, saying why."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from tsg_agent.ask import concluding
from tsg_agent.ask.answers import Answer, Refusal, Table
from tsg_agent.ask.asked import YES_OR_NO, Asked, asked, asks_yes_or_no, polite, share_of
from tsg_agent.ask.compiling import AFTER, BEFORE, PERIOD, Counted, counted_rows, lacking, of_measure
from tsg_agent.ask.ledger import Ledger
from tsg_agent.ask.lexicon import Language, in_english
from tsg_agent.ask.measures import measure_of
from tsg_agent.ask.reading import CODES, Reading, Token, figures_in, hidden, read, repaired, spelled_out
from tsg_agent.ask.scope import Scope, Setting, scope_of, scope_words
from tsg_agent.ask.telling import MINIMUM, Told, told
from tsg_agent.ask.typed import Filter, TypedQuery, thing
from tsg_agent.ask.vocabulary import Vocabulary
from tsg_agent.errors import TelemetryError
from tsg_agent.extract.asked import asked_text
from tsg_agent.models import Parameters, Report
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.wording import listed, moment, name, one_line, sentence

BUCKETS = (60, 300, 600, 900, 1800, 3600, 21_600, 86_400)
_POINTS = 24
_ENDS = re.compile(r"[?!;\n]+|(?<=[a-z0-9]{2})\.\s+(?=[A-Za-z(])")
_THEN = re.compile(
    r"(?:,\s*)?\band (?:also )?(?=(?:how|which|what|who|whom|whose|when|where|why|is|are|was|were|did|does)\b)"
    r"|(?:^|\s|:|,)\s*\(?[1-9][).]\s+",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\W*(?:(?:and|but|so|then|ok|okay|also|now)\b[ ,]*)*"
    r"(?:the same|same|what about|how about|in|for|between|only|just|by|per|without|and|but|then|now|also|there)\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"^\W*(?:(?:and|but|so)[ ,]+)?now\b(?=\s+\w)", re.IGNORECASE)
_VAGUE = re.compile(r"\b(?:this |last |in the |yesterday )?(?:morning|afternoon|evening|noon|tonight|night)\b", re.IGNORECASE)
_GENERAL = ("which endpoints have the highest error rate?", "errors per 5 minutes", "why is it failing?")
_PLACES = ("datacenter", "availability_zone", "load_balancer_id", "instance_id")
"""What lies in one region: a name of another region's is looked for there."""


@dataclass
class Last:
    """What the question before asked, for one that goes on with it."""

    query: TypedQuery | None = None
    asked: Asked | None = None
    parameters: Parameters | None = None


@dataclass(frozen=True)
class Bench:
    """What answers are made with. `investigate`: the guide for a question's scope."""

    engine: Engine
    settings: Settings
    setting: Setting
    vocabulary: Vocabulary
    ledger: Ledger
    investigate: Callable[[str, Scope], Report]


@dataclass
class Part:
    """One question's answer, before it is put together with the others'."""

    text: str = ""
    tables: list[Table] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    refused: Refusal | None = None
    notes: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    parameters: Parameters | None = None
    regions: str = ""
    """Where it was looked, if not in the parameters' region alone."""
    report: Report | None = None
    checks: list[str] = field(default_factory=list)
    yes: bool | None = None


class Refused(Exception):
    """A question that is not answered."""

    def __init__(self, why: Sequence[str], query: TypedQuery | None = None, nearest: Sequence[str] = ()) -> None:
        super().__init__("; ".join(why))
        self.why, self.query, self.nearest = list(why), query, list(nearest)


def answered(question: str, bench: Bench, last: Last) -> Answer:
    """The answer to all that a question asks. Raises QuestionError, ParameterError, TelemetryError."""
    english, language = in_english(question)
    english, misspelt = repaired(spelled_out(english), bench.vocabulary)
    parts: list[Part] = []
    pieces = _parts(english)
    for place, piece in enumerate(pieces):
        parts += _part(piece, bench, last, first=place == 0)
    parts = parts or [Part(refused=_refusal(question, Refused([_empty()])))]
    parts[0].caveats[:0] = misspelt
    return _together(question, parts, language)


def _parts(text: str) -> list[str]:
    pieces = [part for piece in _ENDS.split(text) for part in _THEN.split(piece) if part]
    return [piece.strip(" ,:") for piece in pieces if re.search(r"\w", piece)]


def _part(piece: str, bench: Bench, last: Last, *, first: bool) -> list[Part]:
    """The answers of one piece of a question, which may hold two; nothing of a piece that only leads to the next."""
    one = _One(asked_text(piece), bench, last, first=first)
    text = one.text
    if not (one.reading.tokens or one.reading.unknown or one.scope.timed or one.scope.places or one.untimed):
        return []
    at = None if one.untimed else _second(one.reading)
    if at is not None:
        return [*_part(text[:at], bench, last, first=first), *_part(text[at:], bench, last, first=False)]
    try:
        return [one.answered()]
    except Refused as refused:
        part = Part(refused=_refusal(piece, refused), parameters=one.parameters)
        return [part]


def _second(reading: Reading) -> int | None:
    """Where a second query begins: "error rate by version and 429s by endpoint"."""
    measuring, by = ("measure", "condition", "unit", "number", "function", "form"), False
    seen = False
    tokens = reading.tokens
    for i, one in enumerate(tokens):
        if one.kind == "word" and one.value == "and" and seen and by and i + 1 < len(tokens):
            rest = tokens[i + 1 :]
            head = next((t for t in rest if (t.kind, t.value) != ("word", "more")), None)
            again = any((t.kind == "word" and t.value in ("by", "which")) or t.kind == "rank" for t in rest)
            if head is not None and head.kind in measuring and again:
                return one.end
        seen = seen or one.kind in measuring
        by = by or (
            one.kind == "thing"
            and i > 0
            and tokens[i - 1].kind == "word"
            and tokens[i - 1].value in ("by", "which", "slash")
        )
    return None


class _One:
    """One question: read, filled, and answered."""

    def __init__(self, text: str, bench: Bench, last: Last, *, first: bool) -> None:
        self.bench, self.last, self.first = bench, last, first
        self.goes_on = bool(_GOES_ON.match(text)) or not first
        text = _NOW.sub(lambda match: " " * len(match[0]), text) if last.query else text
        self.text = polite(text)
        figures = figures_in(self.text)
        spans = [(one.start, one.end) for one in figures if one.kind != "function"]
        spans += [match.span() for match in CODES.finditer(self.text)]
        self.scope = scope_of(hidden(self.text, spans), bench.setting, last.parameters)
        vague = [f"“{match[0]}” was not understood as a time: name its hours." for match in _VAGUE.finditer(self.text)]
        self.untimed = [*(sentence(text) for text in self.scope.caveats), *vague]
        self.reading = read(self.text, self.scope.taken, figures, bench.vocabulary)
        self.asked = Asked()
        self.parameters = self.scope.parameters

    def answered(self) -> Part:
        """The answer. Raises Refused."""
        if self.untimed:
            raise Refused(self.untimed)
        self.asked = asked(self.reading, yes_no=asks_yes_or_no(self.text))
        self.parameters = self._placed()
        part = Part(parameters=self.parameters, notes=list(self.scope.notes))
        part.caveats += [*self.scope.short, *self._also()]
        if self.reading.unknown or self.asked.left:
            raise Refused(self._why(), self._understood(), self._near())
        if self.asked.conclude:
            self._concluded(part)
        elif self.asked.check:
            concluding.check(part, self.asked, self.parameters, self.bench)
        else:
            self._counted(part)
        self.last.parameters = self.parameters
        return part

    def _placed(self) -> Parameters:
        """The scope, in the one region that the question names, if it names one."""
        regions = [one for one in self.asked.filters if one.column == "region"]
        held = self.last.parameters or self.scope.base
        region = self.scope.parameters.region
        if any(one.without or len(one.values) > 1 for one in regions):
            region = held.region
        elif len(regions) == 1 and len(regions[0].values) == 1:
            region = regions[0].values[0]
            if "region" not in self.asked.by:
                self.asked.filters = tuple(one for one in self.asked.filters if one.column != "region")
        return self.scope.parameters.model_copy(update={"region": region})

    def _also(self) -> list[str]:
        """Names that several columns have, and as what they were taken."""
        return [
            f"“{one.text}” is taken as the {thing(one.value)}, not as the {listed([thing(c) for c in one.also])} of that name."
            for one in self.reading.of("value")
            if one.also
        ]

    # Figures

    def _counted(self, part: Part) -> None:
        query = self._query()
        part.parameters = self.parameters
        ranked = self.asked.ranked
        found, query = self._rows(query, ranked=ranked)
        if found.failures_only:
            query = query.model_copy(update={"measures": ("failures",), "order_by": "", "ascending": None})
            what = listed([thing(one) for one in query.by] or [thing(one.column) for one in query.filters])
            part.caveats.append(f"No share can be said: only failed requests carry the {what}.")
            found = replace(
                counted_rows(self.bench.engine, query, self.parameters, self.bench.settings), failures_only=True
            )
        said = self._told(part, query, found, ranked=ranked)
        if found.lacking:
            raise Refused([said.text], query, self._near())
        part.regions = query.regions
        part.yes = self._decided(query, found)
        if self.asked.yes_no and part.yes is None and found.rows:
            part.caveats.append("Neither yes nor no can be said of these figures.")
        concluding.beside(part, query, self.parameters, self.bench)
        if query.measures == ("availability",) and not query.by and not query.filters:
            part.text += f"\nThe SLA threshold is {self.parameters.threshold:g} %."
        self.last.query, self.last.asked = query, self.asked

    def _told(self, part: Part, query: TypedQuery, found: Counted, *, ranked: bool) -> Told:
        """Put the rows into words, into the ledger, and into the answer."""
        identity = "" if found.lacking else self.bench.ledger.query(found.rows, found.sql, "")
        said = told(identity, query, found, self.bench.settings, ranked=ranked)
        if not found.lacking:
            part.text, part.evidence = said.text, dict(said.evidence)
            part.tables.append(Table(id=identity, title=query.described(), query=query, rows=found.rows, sql=found.sql))
        return said

    def _rows(self, query: TypedQuery, *, ranked: bool) -> tuple[Counted, TypedQuery]:
        """The rows; what lies in another region is looked for in all."""
        minimum = MINIMUM if ranked or query.limit else 0
        engine, settings = self.bench.engine, self.bench.settings
        found = counted_rows(engine, query, self.parameters, settings, minimum=minimum)
        placed = [one for one in query.filters if one.column in _PLACES and not one.without]
        empty = not found.lacking and not any(row.get("requests", 1) for row in found.rows)
        if placed and empty and not any(one.column == "region" for one in query.filters):
            everywhere = Filter(column="region", values=self.bench.setting.known.regions)
            elsewhere = query.model_copy(update={"filters": (*query.filters, everywhere)})
            found = counted_rows(engine, elsewhere, self.parameters, settings, minimum=minimum)
            query = elsewhere
        return found, query

    def _query(self) -> TypedQuery:
        """The typed query. Raises Refused."""
        one = self.asked
        query = self._fields()
        last = self.last.query
        if last is not None and self._continues():
            query = self._merged(query, last)
        elif not one.measures:
            query["measures"] = self._by_default()
        if one.of_nothing and not query["by"]:
            raise Refused(["What is to be ranked was not said: endpoints, versions, zones, …"], None, self._near())
        query |= self._sides(query)
        try:
            return TypedQuery.model_validate(query)
        except ValidationError as error:
            why = [str(one["msg"]).removeprefix("Value error, ") for one in error.errors()]
            raise Refused([sentence(text) for text in why], None, self._near()) from None

    def _fields(self) -> dict[str, object]:
        one = self.asked
        query: dict[str, object] = {
            name: getattr(one, name)
            for name in ("measures", "by", "filters", "conditions", "bounds", "order_by", "ascending", "limit")
        }
        if one.bucket is not None:
            query["bucket_seconds"] = int(one.bucket) or self._fitting()
        if one.order_by == "" and one.bucket is not None and one.ranked and one.measures:
            query["order_by"] = one.measures[0]
        if one.decides in ("rose", "fell"):
            query["measures"] = tuple(dict.fromkeys((*one.measures, *map(share_of, one.measures))))
        return query

    def _fitting(self) -> int:
        seconds = (self.parameters.end_time - self.parameters.start_time).total_seconds()
        return next((size for size in BUCKETS if seconds / size <= _POINTS), BUCKETS[-1])

    def _continues(self) -> bool:
        """Whether it goes on with the last question: it says so, or names nothing to measure or to group by."""
        one = self.asked
        if self.reading.has("word", "more") or not one.measures or (self.reading.has("word", "sort") and not one.by):
            return True
        asks_which = one.of_nothing and self.reading.has("word", "which")
        bare = not one.by and not one.filters
        return asks_which or (self.goes_on and (bare or bool(_GOES_ON.match(self.text)) or not one.by))

    def _merged(self, query: dict[str, object], last: TypedQuery) -> dict[str, object]:
        """The last query with what this question names in its place."""
        one = self.asked
        merged: dict[str, object] = {name: getattr(last, name) for name in TypedQuery.model_fields}
        merged |= dict.fromkeys(("split_at", "start_time", "end_time"))
        if one.measures or one.ranked:
            merged |= {"order_by": "", "ascending": None, "limit": None}
        merged |= {name: value for name, value in query.items() if value not in ((), "", None)}
        replaced = {new.column for new in one.filters if not new.without}
        kept = tuple(old for old in last.filters if old.column not in replaced and old not in one.filters)
        if self.scope.places.get("region"):
            kept = tuple(old for old in kept if old.column != "region")
        merged["filters"] = (*kept, *one.filters)
        if self.reading.has("word", "versus"):
            merged |= _beside_the_last(one.filters, last.filters, last.by)
        if self.reading.has("word", "sort") and one.measures and not one.by:
            merged |= {"measures": (*last.measures, *one.measures), "order_by": one.measures[0]}
        if one.ranked and one.order_by and not self.reading.of("measure", "condition", "unit"):
            merged["measures"] = (one.order_by,)
        return merged

    def _by_default(self) -> tuple[str, ...]:
        one = self.asked
        if one.conditions or one.bounds:
            return tuple(dict.fromkeys(b.measure for b in one.bounds)) or ("requests",)
        if one.ranked or one.bucket is not None or one.sides or one.decides:
            return ("failures",)
        if one.by:
            return ("failure_rate" if self.reading.has("word", "versus") else "requests",)
        what = f" of {listed([name(v) for f in one.filters for v in f.values])}" if one.filters else ""
        raise Refused([f"What is to be counted{what} was not said."], None, self._near())

    def _sides(self, query: dict[str, object]) -> dict[str, object]:
        """The window and the moment that before and after are told apart by."""
        sides, scope = self.asked.sides, self.scope
        if sides is None:
            return {}
        window, began = scope.base, self.parameters.incident_start
        if sides.value == "then":
            split = scope.asked.end
        elif sides.value == "than" or scope.asked.start is None:
            split = began
        else:
            split = scope.asked.start
        if split is None:
            raise Refused(
                ["When the incident began is not known, so before cannot be told from after."], None, self._near()
            )
        start = window.start_time if sides.value != "then" or scope.asked.start is None else scope.asked.start
        end = scope.parameters.end_time if scope.asked.start and sides.value != "then" else window.end_time
        if sides.value == "then" and sides.amount:
            from datetime import timedelta  # noqa: PLC0415

            end = split + timedelta(seconds=sides.amount)
        elif sides.value == "then" and scope.asked.start and scope.asked.start > window.start_time:
            end = split + (split - scope.asked.start)
        self.parameters = self.parameters.model_copy(update={"start_time": start, "end_time": end})
        return {"split_at": split}

    def _decided(self, query: TypedQuery, found: Counted) -> bool | None:
        """What the rows say to a question for yes or no; None where they say neither."""
        decides, rows = self.asked.decides, found.rows
        if not decides:
            return None
        if decides == "any":
            return bool(rows) if query.by else bool(rows and (of_measure(rows[0], query.measures[0]) or 0) > 0)
        if decides == "bound":
            value = of_measure(rows[0], query.bounds[0].measure) if rows else None
            bound = query.bounds[0]
            held = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__, "=": float.__eq__}
            return None if value is None else bool(held[bound.sign](value, bound.value))
        if decides in ("rose", "fell"):
            measure = share_of(query.measures[0])
            sides = {row[PERIOD]: of_measure(row, measure) for row in rows}
            before, after = sides.get(BEFORE), sides.get(AFTER)
            return (
                None if before is None or after is None else (after > before if decides == "rose" else after < before)
            )
        return self._more(query, rows)

    def _more(self, query: TypedQuery, rows: Sequence[dict[str, object]]) -> bool | None:
        values = [(self.asked.about in row.values(), row.get(query.ordered_by)) for row in rows]
        mine = [value for own, value in values if own and isinstance(value, int | float)]
        others = [value for own, value in values if not own and isinstance(value, int | float)]
        if not mine or not others:
            return None
        return all(mine[0] > other if self.asked.decides == "more" else mine[0] < other for other in others)

    # The conclusion

    def _concluded(self, part: Part) -> None:
        names = self.asked.names
        if "why" in self.asked.conclude:  # "why is us-west failing?": the region is where it was looked
            names = [one for one in names if one.value != "region"]
        scope = replace(self.scope, parameters=self.parameters)
        report = self.bench.investigate(self.text, scope)
        part.report, part.checks = report, ["run_guide"]
        state = self.asked.conclude == {"state"} and bool(names)
        if state:
            self._state(part, report)
        concluding.conclude(part, self.asked, names, report, timed=self.scope.timed, window=self.parameters)
        if not state:
            part.parameters = report.parameters
        its = (report.parameters.start_time, report.parameters.end_time)
        same = (self.parameters.start_time, self.parameters.end_time) == its
        part.notes = [*(part.notes if same else []), *report.notes]

    def _state(self, part: Part, report: Report) -> None:
        """How what is named does: its figures before the incident's start and after it."""
        names = [Filter(column=one.value, values=(one.text,)) for one in self.asked.names if one.value != "region"]
        runs = any(one.column in ("scenario_name", "workflow_step") for one in names)
        began = report.parameters.incident_start
        window = self.parameters
        split = began if not self.scope.timed and began and window.start_time < began < window.end_time else None
        query = TypedQuery(
            measures=("completion_rate" if runs else "failure_rate",), filters=tuple(names), split_at=split
        )
        found, query = self._rows(query, ranked=False)
        self._told(part, query, found, ranked=False)

    # What was not understood

    def _why(self) -> list[str]:
        said = [one.said() for one in self.reading.unknown]
        left = [f"“{one_line(text, 60)}”" for text in self.asked.left if text != YES_OR_NO]
        if left:
            said.append(
                f"How {listed(left, 6)} {'belongs' if len(left) == 1 else 'belong'} to the question was not understood."
            )
        if YES_OR_NO in self.asked.left:
            said.append("Whether these figures mean yes or no is not known.")
        return list(dict.fromkeys(said))

    def _understood(self) -> TypedQuery | None:
        try:
            return TypedQuery.model_validate(self._fields() | {"bucket_seconds": None, "limit": None})
        except ValidationError:
            return None

    def _near(self) -> list[str]:
        """Questions that can be answered: this one with the nearest names, or by what it is about."""
        found = []
        for one in self.reading.unknown:
            if one.near and one.noun:
                found.append(re.sub(rf"(?<!\w){re.escape(one.text)}(?!\w)", one.near[0], self.text).strip())
        measure = self.asked.measures[0] if self.asked.measures else "failure_rate"
        for by in (*self.asked.by[:1], "endpoint_path"):
            try:
                query = TypedQuery(measures=(measure,), by=(by,))
            except ValidationError:
                continue
            if not lacking(query, self.bench.engine):
                return [*found, query.described()]
        return found


def _beside_the_last(new: Sequence[Filter], old: Sequence[Filter], by: Sequence[str]) -> dict[str, object]:
    """ "vs ios", after "error rate of web": both of them, side by side."""
    filters = [one for one in old if one.column not in {f.column for f in new}]
    for one in new:
        before = [value for f in old if f.column == one.column and not f.without for value in f.values]
        filters.append(one.model_copy(update={"values": tuple(dict.fromkeys((*before, *one.values)))}))
    columns = [one.column for one in new if one.column not in by]
    return {"filters": tuple(filters), "by": (*by, *columns)}


def _empty() -> str:
    return "There is no question in this."


def _refusal(question: str, refused: Refused) -> Refusal:
    understood = refused.query.described() if refused.query else ""
    nearest = list(dict.fromkeys([*([understood] if understood else []), *refused.nearest, *_GENERAL]))
    return Refusal(
        question=one_line(question, 300), not_understood=refused.why, understood=understood, nearest=nearest[:4]
    )


def _refused_words(one: Refusal) -> str:
    understood = [f"Understood was: {one.understood}."] if one.understood else []
    nearest = listed([f"“{text}”" for text in one.nearest], 4)
    return "\n".join(
        [f"Not answered: {' '.join(one.not_understood)}", *understood, f"These can be answered: {nearest}."]
    )


def _together(question: str, parts: list[Part], language: Language | None) -> Answer:
    """One answer of all parts: yes or no first, then where it was looked, then what was found."""
    yes, no = (language.yes, language.no) if language else ("Yes", "No")
    texts = []
    shown: tuple[Parameters, str] | None = None
    for part in parts:
        head = [] if part.yes is None else [f"{yes if part.yes else no}."]
        window = part.parameters
        if window is not None and not part.refused and (window, part.regions) != shown:
            head.append(scope_words(window, part.regions))
            shown = (window, part.regions)
        caveats = [" ".join(part.caveats)] if part.caveats else []
        body = _refused_words(part.refused) if part.refused else part.text
        texts.append("\n\n".join([*([" ".join(head)] if head else []), *caveats, body]))
    return Answer(
        question=question,
        text="\n\n".join(texts),
        evidence={key: row for part in parts for key, row in part.evidence.items()},
        tables=[table for part in parts for table in part.tables],
        refused=[part.refused for part in parts if part.refused],
        notes=list(dict.fromkeys(note for part in parts for note in part.notes)),
        not_honoured=list(
            dict.fromkeys(
                said
                for part in parts
                for said in (*part.caveats, *(part.refused.not_understood if part.refused else ()))
            )
        ),
        parameters=next((part.parameters for part in reversed(parts) if part.parameters), None),
        report=next((part.report for part in reversed(parts) if part.report), None),
        checks=list(dict.fromkeys(check for part in parts for check in part.checks)),
    )
