"""Questions answered without a model: read as typed queries, checks and the conclusion; or refused, saying why."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from tsg_agent.ask import concluding
from tsg_agent.ask.answers import Answer, Table
from tsg_agent.ask.bench import AnswerBench, Last
from tsg_agent.ask.compiling import CompiledQuery, counted_rows, lacking
from tsg_agent.ask.deciding import decided
from tsg_agent.ask.intent import among_last, asked, asks_yes_or_no, further, of_the_last, polite, replacing, restated
from tsg_agent.ask.lexicon import in_english, spelled_out
from tsg_agent.ask.measures import measure_of, pace_of
from tsg_agent.ask.parts import AnswerPart, RefusedQuestion, not_understood, refusal, second_of, sentences_of, together
from tsg_agent.ask.readback import unexpressed
from tsg_agent.ask.scope import scope_of
from tsg_agent.ask.sentences import MINIMUM, told
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import CODES, Token, figures_in, hidden, read, repaired
from tsg_agent.ask.typed import BEFORE, MIRRORED, Filter, TypedQuery, fitting, thing
from tsg_agent.columns import Nature, of_nature
from tsg_agent.extract.question_span import MOMENT, asked_text
from tsg_agent.models import Parameters, Report
from tsg_agent.wording import listed, name, sentence

LONGEST, MOST, TOKENS = 2_000, 8, 60
"""Maximal characters of a text, questions in it, and tokens of one: patterns over many more take seconds."""
TOO_LONG = f"The question is longer than {LONGEST:,} characters."
TOO_MANY = f"More than {MOST} questions are asked at once."
TOO_FULL = f"One question has more than {TOKENS} words and names: ask for less at once."
_GOES_ON = re.compile(
    r"\W*(?:(?:and|but|so|then|ok|okay|also|now)\b[ ,]*)*"
    r"(?:the same|same|what about|how about|in|for|between|only|just|by|per|without|and|but|then|now|also|there)\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"^\W*(?:(?:and|but|so)[ ,]+)?now\b(?=\s+\w)", re.IGNORECASE)
_IN_ALL = re.compile(r"(?i)\bhow many\b.*?\b(?:(?:were|was|are|is) there|in total|in sum|altogether)\b")
""""how many 502s were there?": their number, and not one for each of the last question's groups."""
_VAGUE = re.compile(r"(?i)\b(?:morning|evening|(?:to)?night|(?:after)?noon|(?<!do )(?<!till )(?<!until )now)\b")
_EVENTS = ("error_code", *of_nature(Nature.ERROR))
"""Columns whose values are events: "NullPointerExceptions in 3.15.0" asks for their number."""
_PLACES = of_nature(Nature.SITE, Nature.MACHINE)
"""Columns whose values belong to one region; a value of another region is searched for in all regions."""


def answered(question: str, bench: AnswerBench, last: Last) -> Answer:
    """The answer to all questions of a text. Raises QuestionError, ParameterError, TelemetryError."""
    english, language = in_english(question[:LONGEST])
    english, misspelt = repaired(spelled_out(english), bench.vocabulary)
    sentences = sentences_of(english)
    unfit = TOO_LONG if len(question) > LONGEST else TOO_MANY if sum(map(len, sentences)) > MOST else ""
    parts: list[AnswerPart] = []
    for place, pieces in enumerate([] if unfit else sentences):
        begun, (timed, told_of_last) = len(parts), _alike(pieces, bench)
        for number, piece in enumerate(timed):
            parts += _part(piece, bench, last, first=place == number == 0)
        for part in parts[begun:-1]:
            part.caveats += told_of_last
    why = RefusedQuestion([unfit or "There is no question in this."])
    parts = parts or [AnswerPart(refused=refusal(question, why))]
    parts[0].caveats[:0] = misspelt
    return together(question, parts, language)


def _alike(pieces: list[str], bench: AnswerBench) -> tuple[list[str], list[str]]:
    """A sentence's questions, and a caveat about the names in the last one.

    A time in the last question alone holds for all of them. A name there ("error rate, and how many users on web?")
    holds for the last one only, and the caveat says so.
    """
    if len(pieces) < 2:
        return pieces, []
    *others, last = (_One(asked_text(piece), bench, Last(), first=True) for piece in pieces)
    names = [f"“{one.text}”" for one in last.reading.of("value")]
    named = not names or any(one.reading.of("value") for one in others)
    told = [] if named else [f"{listed(names)} is taken as said of the last question alone."]
    if last.scope.timed and not any(one.scope.timed or one.scope.caveats for one in others):
        time = " ".join(last.scope.asked.text[low:high] for low, high in last.scope.asked.taken)
        pieces = [*(f"{piece} {time}" for piece in pieces[:-1]), pieces[-1]]
    return pieces, told


def _part(piece: str, bench: AnswerBench, last: Last, *, first: bool) -> list[AnswerPart]:
    """The answers to one piece of a sentence: two where it holds two queries, none where it asks nothing."""
    one = _One(asked_text(piece), bench, last, first=first)
    if not (one.reading.tokens or one.reading.unknown or one.scope.timed or one.scope.places or one.unread):
        return []
    at = None if one.unread else second_of(one.reading)
    if at is not None:
        return [*_part(one.text[:at], bench, last, first=first), *_part(one.text[at:], bench, last, first=False)]
    try:
        return [one.answered()]
    except RefusedQuestion as refused:
        return [AnswerPart(refused=refusal(piece, refused), parameters=one.parameters)]


class _One:
    """One question: read, filled, and answered."""

    def __init__(self, text: str, bench: AnswerBench, last: Last, *, first: bool) -> None:
        self.bench, self.last, self.first = bench, last, first
        self.goes_on = bool(_GOES_ON.match(text)) or not first
        text = _NOW.sub(lambda match: " " * len(match[0]), text) if last.query else text
        self.yes_no, self.text = asks_yes_or_no(text), polite(text)
        figures = figures_in(self.text)
        spans = [(one.start, one.end) for one in figures if one.kind != "function"]
        spans += [match.span() for match in CODES.finditer(self.text)]
        self.scope = scope_of(hidden(self.text, spans), bench.setting, last.parameters)
        if self.scope.asked.against:
            low = self.scope.asked.taken[0][1]
            figures.append(Token(low, low, "sides", "apart", text="two spans of time"))
        vague = [f"“{match[0]}” was not understood as a time: name its hours." for match in _VAGUE.finditer(self.text)]
        self.reading = read(self.text, self.scope.taken, figures, bench.vocabulary)
        full = [TOO_FULL] if len(self.reading.tokens) > TOKENS else []
        self.unread = [*(sentence(text) for text in self.scope.caveats), *vague, *full]
        """Reasons to refuse the question before any field is filled."""
        self.among = among_last(self.reading)
        self.asked = AskedFields()
        self.parameters = self.scope.parameters

    def answered(self) -> AnswerPart:
        """The answer. Raises RefusedQuestion."""
        if self.unread:
            raise RefusedQuestion(self.unread)
        if self.last.query is not None:
            replacing(self.reading, self.last.query)
            self.goes_on |= restated(self.reading, self.last.query)
        below = None if self.scope.timed or self.scope.places else further(self.reading, self.last)
        self.asked = below or asked(self.reading, yes_no=self.yes_no)
        self.parameters = self._placed()
        part = AnswerPart(parameters=self.parameters, notes=list(self.scope.notes))
        part.caveats += [*self.scope.short, *self.reading.doubtful()]
        if self.reading.unknown or self.asked.left:
            raise RefusedQuestion(not_understood(self.reading, self.asked.left), self._understood(), self._near())
        if self.asked.conclude:
            self._concluded(part)
        elif self.asked.check:
            concluding.check(part, self.asked, self.parameters, self.bench)
        else:
            self._counted(part)
        self.last.parameters = self.parameters
        return part

    def _placed(self) -> Parameters:
        """The scope's parameters; a single region among the filters becomes their region."""
        regions = [one for one in self.asked.filters if one.column == "region"]
        region = self.scope.parameters.region
        if any(one.without or len(one.values) > 1 for one in regions):
            region = (self.last.parameters or self.scope.base).region
        elif len(regions) == 1 and regions[0].values:
            region = regions[0].values[0]
            self.asked.filters = [one for one in self.asked.filters if one not in regions or "region" in self.asked.by]
        return self.scope.parameters.model_copy(update={"region": region})

    # Figures

    def _counted(self, part: AnswerPart) -> None:
        query, ranked = self._query(), self.asked.ranked
        part.parameters = self.parameters
        if not (self.last.query is not None and self._continues()):
            self.asked.left += unexpressed(self.reading, self.asked, query)
        if self.last.query is None:
            self.asked.left += of_the_last(self.reading)
        if self.asked.left:
            raise RefusedQuestion(not_understood(self.reading, self.asked.left), self._understood(), self._near())
        if (query, self.parameters, self.first) == (self.last.query, self.last.parameters, False):
            part.text = "The rows above say it."
            return
        found, query = self._rows(query, ranked=ranked)
        if found.failures_only:
            query = query.model_copy(update={"measures": ("failures",), "order_by": "", "ascending": None})
            what = listed([thing(one) for one in query.by] or [thing(one.column) for one in query.filters])
            part.caveats.append(f"No share can be said: only failed requests carry the {what}.")
            found = replace(self._found(query), failures_only=True)
        if found.lacking:
            why = f"This cannot be said: the telemetry has no {listed(list(found.lacking), 6)}."
            raise RefusedQuestion([why], query, self._near())
        self._told(part, query, found, ranked=ranked)
        part.regions = query.regions
        part.yes = decided(self.asked, query, found.rows)
        if self.asked.yes_no and part.yes is None and found.rows:
            part.caveats.append("Neither yes nor no can be said of these figures.")
        concluding.beside(part, query, self.parameters, self.bench)
        if query.measures == ("availability",) and not query.by and not query.filters:
            part.text += f"\nThe SLA threshold is {self.parameters.threshold:g} %."
        self.last.query, self.last.asked = query, self.asked

    def _told(self, part: AnswerPart, query: TypedQuery, found: CompiledQuery, *, ranked: bool) -> None:
        """Add the rows to the ledger, and their sentences, evidence and table to the answer."""
        identity = self.bench.ledger.query(found.rows, found.sql, "")
        said = told(identity, query, found, self.bench.settings, ranked=ranked)
        part.text, part.evidence = said.text, dict(said.evidence)
        part.tables.append(Table(id=identity, title=query.described(), query=query, rows=found.rows, sql=found.sql))

    def _rows(self, query: TypedQuery, *, ranked: bool) -> tuple[CompiledQuery, TypedQuery]:
        """The rows, and the query that gave them: without rows of a site or machine here, all regions are searched."""
        minimum = MINIMUM if ranked or query.limit else 0
        found = self._found(query, minimum)
        placed = [one for one in query.filters if one.column in _PLACES and not one.without]
        empty = not found.lacking and not any(row.get("requests", 1) for row in found.rows)
        if placed and empty and not any(one.column == "region" for one in query.filters):
            everywhere = Filter(column="region", values=self.bench.setting.known.regions)
            elsewhere = query.model_copy(update={"filters": (*query.filters, everywhere)})
            found = self._found(elsewhere, minimum)
            query = elsewhere
        return found, query

    def _found(self, query: TypedQuery, minimum: int = 0) -> CompiledQuery:
        bench = self.bench
        return counted_rows(bench.engine, query, self.parameters, bench.settings, bench.guide, minimum=minimum)

    def _query(self) -> TypedQuery:
        """The typed query. Raises RefusedQuestion."""
        one = self.asked
        query = self._fields()
        last = self.last.query
        if last is not None and self._continues():
            query = self._merged(query, last)
        elif not one.measures:
            query["measures"] = self._by_default()
        if one.of_nothing and not query["by"]:
            raise self._refused("What is to be ranked was not said: endpoints, versions, zones, …")
        query |= self._sides(query)
        try:
            return TypedQuery.model_validate(query)
        except ValidationError as error:
            why = (str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
            raise self._refused(*map(sentence, why)) from None

    def _fields(self) -> dict[str, object]:
        one = self.asked
        query: dict[str, object] = {
            **{name: tuple(getattr(one, name)) for name in ("measures", "by", "filters", "conditions", "bounds")},
            **{name: getattr(one, name) for name in ("order_by", "ascending", "limit", "skip", "baseline")},
        }
        if one.bucket is not None:
            query["bucket_seconds"] = int(one.bucket) or fitting(self.parameters.end_time - self.parameters.start_time)
        if one.order_by == "" and one.bucket is not None and one.ranked and one.measures:
            query["order_by"] = one.measures[0]
        if one.baseline == BEFORE:
            query["measures"] = tuple(dict.fromkeys((*one.measures, *map(pace_of, one.measures))))
        return query

    def _continues(self) -> bool:
        """Whether the last query is to be changed: the question says so, or lacks a measure or a grouping."""
        one, has = self.asked, self.reading.has
        if has("word", "more") or self.among or not one.measures or (has("word", "sort") and not one.by):
            return True
        bare = not one.by and not one.filters
        return (one.of_nothing and bare) or (self.goes_on and (bare or bool(_GOES_ON.match(self.text)) or not one.by))

    def _merged(self, query: dict[str, object], last: TypedQuery) -> dict[str, object]:
        """The last query with this question's fields in place of its own."""
        one, grouped = self.asked, tuple[str, ...]()
        merged: dict[str, object] = {name: getattr(last, name) for name in TypedQuery.model_fields}
        if self.scope.timed or not last.until:
            merged |= dict.fromkeys(("start_time", "until", "split_at", "end_time"))
        if self.reading.has("form", "count"):  # "and how many users were hit?" of a series: in all
            merged["bucket_seconds"] = None
            if _IN_ALL.search(self.text) and not one.by:  # and what was named as groups is of these alone
                merged |= {"by": (), "bounds": ()}
                grouped = last.by
        if counted := measure_of(last.measures[0]).condition * (measure_of(last.measures[0]).kind == "count"):
            users = {"users": f"users_with_{counted}", "sessions": f"sessions_with_{counted}"}  # "and how many users?"
            query = {**query, "measures": tuple(users.get(name, name) for name in one.measures)}
            if self.among:
                query["conditions"] = tuple(dict.fromkeys((*last.conditions, counted, *one.conditions)))
        if one.measures or one.ranked:
            merged |= {"order_by": "", "ascending": None, "limit": None}
        merged |= {name: value for name, value in query.items() if value not in ((), "", None)}
        if self.reading.has("word", "versus") or self.reading.of("times"):  # "vs ios", after "error rate of web"
            beside = {of.column: of.values for of in last.filters if not of.without}
            one.filters = [
                new.model_copy(update={"values": (*beside.get(new.column, ()), *new.values)}) for new in one.filters
            ]
            merged["by"] = tuple(dict.fromkeys((*last.by, *(new.column for new in one.filters))))
        replaced = {new.column for new in one.filters if not new.without}
        replaced |= {old.column for old in last.filters if old.column in grouped and not old.without}
        replaced |= {"region"} if self.scope.places.get("region") else set()
        kept = tuple(old for old in last.filters if old.column not in replaced and old not in one.filters)
        merged["filters"] = (*kept, *one.filters)
        sort, its = self.reading.has("word", "sort"), self._adds_to(last)
        if (sort or its) and one.measures and not one.by:
            merged["measures"] = tuple(dict.fromkeys((*last.measures, *one.measures)))
            merged["order_by"] = one.measures[0] if sort else last.order_by or last.measures[0]
            merged |= {"limit": one.limit or last.limit} | ({"ascending": last.ascending} if its else {})
        if one.ranked and one.order_by and not self.reading.of("measure", "condition", "unit"):
            merged["measures"] = (one.order_by,)
        return merged

    def _adds_to(self, last: TypedQuery) -> bool:
        """Whether it asks more of the last question's rows: "… and what is its p95?"."""
        said = any(one.value == "more" and one.text.lower() in ("its", "their") for one in self.reading.of("word"))
        return said and bool(last.by) and not (self.first or self.asked.ranked or last.bucket_seconds or last.split_at)

    def _by_default(self) -> tuple[str, ...]:
        one = self.asked
        if one.conditions or one.bounds:
            return tuple(dict.fromkeys(b.measure for b in one.bounds)) or ("requests",)
        if one.ranked or one.bucket is not None or one.sides or one.decides:
            return ("requests",) if set(one.by) & set(_EVENTS) else ("failures",)
        if one.by:
            return ("failure_rate" if self.reading.has("word", "versus") else "requests",)
        if any(f.column in _EVENTS for f in one.filters):
            return ("requests",)
        of = f" of {listed([name(v) for f in one.filters for v in f.values])}" if one.filters else ""
        raise self._refused(f"What is to be counted{of} was not said.")

    def _sides(self, query: dict[str, object]) -> dict[str, object]:
        """The fields of a comparison: the moment that splits the window, or two windows."""
        sides, asked = self.asked.sides, self.scope.asked
        if sides is None:
            return {}
        if asked.against and asked.start and asked.end:
            return self._apart((asked.start, asked.end), asked.against)
        then = sides.value == "then"  # "before 14:00 and after": up to it, and as long behind it
        whole = sides.value == "than" and asked.end != self.scope.base.end_time  # "than before": than before it began
        split = asked.end if then else self.parameters.incident_start if whole else asked.start
        split = split or (None if then else self.parameters.incident_start)
        if split is None:
            raise self._refused("When the incident began is not known, so before cannot be told from after.")
        start, end = self.scope.base.start_time, self.scope.base.end_time
        if then and asked.start:
            end = split + (split - asked.start) if asked.start > start else end
            start = asked.start
        elif asked.start and asked.end != asked.start + MOMENT:  # but "did it go up at 14:00?"
            end = self.scope.parameters.end_time
        end = split + timedelta(seconds=sides.amount) if sides.amount else end
        self.parameters = self.parameters.model_copy(update={"start_time": start, "end_time": end})
        return {"start_time": None, "until": None, "split_at": split, "end_time": None}

    def _apart(self, one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> dict[str, object]:
        """The fields that compare two windows. "Rose" and "fell" are said of the window named first."""
        (start, until), (split, end) = sorted((one, other))
        if until > split:
            raise self._refused("The two spans of time overlap.")
        if one < other and self.asked.decides == "sides":
            sign, factor = self.asked.holds
            self.asked.holds = MIRRORED[sign], 1 / factor
        self.parameters = self.parameters.model_copy(update={"start_time": start, "end_time": end})
        return {"start_time": start, "until": until, "split_at": split, "end_time": end}

    # The conclusion

    def _concluded(self, part: AnswerPart) -> None:
        names = self.asked.names
        if "why" in self.asked.conclude:  # "why is us-west failing?": the region is where it was looked
            names = [one for one in names if one.value != "region"]
        report = self.bench.investigate(self.text, replace(self.scope, parameters=self.parameters))
        part.report, part.checks = report, ["run_guide"]
        if self.asked.conclude == {"state"} and names:
            self._state(part, report)
        else:
            part.parameters = report.parameters
        concluding.conclude(part, self.asked, names, report, self.parameters if self.scope.timed else None)
        its, own = ((one.start_time, one.end_time) for one in (report.parameters, self.parameters))
        part.notes = [*(part.notes if own == its else []), *report.notes]

    def _state(self, part: AnswerPart, report: Report) -> None:
        """Add the failure or completion rate of what is named."""
        query, self.parameters = concluding.state_of(self.asked.names, report, self.parameters, timed=self.scope.timed)
        found, query = self._rows(query, ranked=False)
        if not found.lacking:
            self._told(part, query, found, ranked=False)

    # What was not understood

    def _refused(self, *why: str) -> RefusedQuestion:
        return RefusedQuestion(why, None, self._near())

    def _understood(self) -> TypedQuery | None:
        try:
            left = {"bucket_seconds": None, "limit": None} | ({} if self.asked.by else {"bounds": ()})
            query = TypedQuery.model_validate(self._fields() | left)
        except ValidationError:
            return None
        again = _One(query.described(), self.bench, Last(), first=True)
        return None if again.reading.unknown or asked(again.reading, yes_no=False).left else query

    def _near(self) -> list[str]:
        """Similar questions that can be answered: with the nearest known names, or the first measure by a grouping."""
        found = [
            re.sub(rf"(?<!\w){re.escape(one.text)}(?!\w)", one.near[0].replace("\\", r"\\"), self.text).strip()
            for one in self.reading.unknown
            if one.near and one.noun and len(self.reading.unknown) == 1 and self.asked.measures and not self.asked.left
        ]
        measure = self.asked.measures[0] if self.asked.measures else "failure_rate"
        for by in (*self.asked.by[:1], "endpoint_path"):
            try:
                query = TypedQuery(measures=(measure,), by=(by,))
            except ValidationError:
                continue
            if not lacking(query, self.bench.engine):
                return [*found, query.described()]
        return found
