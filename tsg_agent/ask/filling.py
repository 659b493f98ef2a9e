"""From a question's tokens to a typed query's fields: each word that carries meaning lands in one, or is left over."""

import re
from itertools import pairwise

from tsg_agent.ask.measures import condition_of, measure_of, share_of
from tsg_agent.ask.phrases import is_part, measures_of
from tsg_agent.ask.slots import Slots
from tsg_agent.ask.tokens import Token
from tsg_agent.ask.typed import RUN_COLUMNS, Bound, Filter
from tsg_agent.ask.vocabulary import PEOPLE

_EXCLUDING = ("without", "except", "exclud", "other than", "apart", "aside", "outside", "besides", "ignoring", "minus",
              "leaving", "not counting")  # fmt: skip
_NOUNS = {
    "flag_name": ("flag_value",),
    "service_name": ("service_component",),
    "user_id": ("customer_tier",),
    "product_id": ("product_category",),
}
"""What a name of another column may be called, too: "premium customers"."""
_MANY = ("most", "the most", "fewest", "least", "more", "fewer", "highest", "lowest")


class Filling(Slots):
    """Fills one query from one question: the parts, in the order in which they are read."""

    def nouns(self) -> None:
        """The noun beside a name says only what it is; not where it is counted: "how many premium customers"."""
        for i in self.free("condition"):  # "status 500"
            if self._is(i - 1, "thing", "status_code", "error_code") and self.tokens[i].value.startswith("answered_"):
                self.take(i - 1)
        for i in self.free("value"):
            counted = self._is(i - 1, "form", "count", "distinct")
            for near in (i - 1, i + 1):
                one = self.at(near)
                if one is None or one.kind != "thing" or near in self.used or (counted and near > i):
                    continue
                by = self._is(near - 1, "word", "by") or self._many(near)
                if self._holds(one, self.tokens[i].value) and not by:
                    self.take(near)

    def _holds(self, noun: Token, column: str) -> bool:
        if noun.value == "user_id" and column != "customer_tier":  # a rate is of requests, never of users
            return column in (*PEOPLE, "flag_name") and self._of_requests()
        if (noun.value, column) in (("instance_id", "instance_type"), ("product_id", "product_category")):
            return not any(one.kind in ("rank", "order") or one.value == "by" for one in self.tokens)
        if noun.text.lower() == "api" and column == "api_version":
            return True
        return noun.value == column or column in _NOUNS.get(noun.value, ())

    def _of_requests(self) -> bool:
        """Whether what is asked for is said of requests: not "how many users", "percentage of users"."""
        return self.yes_no or any(
            one.kind in ("measure", "number", "function") or (one.value == "rate" and not is_part(one))
            for one in self.tokens
        )

    def negations(self) -> None:
        """ "not", "without", "except": the names, the condition or the thing right behind it."""
        for i in self.free("word"):
            if (self.tokens[i].value != "not" and not self._all_but(i)) or i in self.used:
                continue
            text = self.tokens[i].text.lower()
            place = i + 1
            while self._is(place, "word", "which", "all", "and", "not") or (
                self._is(place, "thing") and self._is(place + 1, "value")
            ):
                if self._is(place, "word", "which", "all", "not"):
                    self.take(place)
                place += 1
            one = self.at(place)
            if one is None:
                continue
            if one.kind == "value":
                self.take(i, *range(i + 1, place))
                self._excluded(place)
            elif one.kind == "condition":
                self._not_so(i, place, excluding=text.startswith(_EXCLUDING))
            elif one.kind == "thing" and text.startswith(("without", "no")) and not self._is(place - 1, "word", "by"):
                self.take(i, place)
                self.filters.append(Filter(column=one.value, without=True))

    def _excluded(self, place: int) -> None:
        """The names of a list behind a negation, of one column."""
        column = self.tokens[place].value
        values = []
        while True:
            one = self.at(place)
            if one is not None and one.kind == "value" and one.value == column:
                values.append(one.text)
                self.take(place)
            elif one is None or not (
                one.kind == "word" and one.value in ("and", "not") and self._is(place + 1, "value", column)
            ):
                break
            else:
                self.take(place)
            place += 1
        self.filters.append(Filter(column=column, values=tuple(values), without=True))

    def _not_so(self, place: int, condition: int, *, excluding: bool) -> None:
        name = self.tokens[condition].value
        self.take(place, condition)
        behind = condition + 1 + self._is(condition + 1, "value", "http_method")
        adjective = self.tokens[place].text.lower() == "not" and self._is(behind, "unit", "requests")
        while self._is(condition + 1, "condition") or (
            self._is(condition + 1, "unit", "requests")
        ):  # "not failing requests"
            self.take(condition + 1)
            condition += 1
        listed = []  # "5xx other than 503 and 504"
        while excluding and self._is(condition + 1, "word", "and") and self._is(condition + 2, "condition"):
            self.take(condition + 1, condition + 2)
            condition += 2
            listed.append(f"not {self.tokens[condition].value}")
        grouped = any(self._grouping(i) for i in self.free("thing"))
        denied = self._is(place - 1, "condition") and f"not {self.tokens[place - 1].value}" in self.conditions
        adjective = adjective or denied or self._is(place - 1, "unit", "requests")  # "requests neither slow nor failed"
        of_it = self._is(place - 1, "thing") and not self._is(place - 2, "word", "by", "slash")  # "zones without 503s"
        if grouped and not adjective and (of_it or not excluding):
            runs = self._of_runs() and name == "failures"
            self.bounds.append(Bound(measure="failed_runs" if runs else name, sign="=", value=0))
            self.measures.append("runs" if runs else "requests")
        else:
            self.conditions.append(f"not {name}")
        self.conditions += listed

    def groups(self) -> None:
        """What it is by: "by version", "which endpoints", "top 3 zones", "per client type and API version"."""
        for i in self.free("word"):
            one = self.tokens[i]
            if one.value in ("slash", "by", "sort"):
                place, took = i + 1, False
                while self._is(place, "thing") or (
                    took and self._is(place, "word", "and", "slash", "by") and self._is(place + 1, "thing")
                ):
                    if self._is(place, "thing") and self._is(place - 1, "word", "by", "slash", "and"):
                        self._group(self.tokens[place].value)
                        took = True
                    elif self._is(place, "thing"):
                        break
                    self.take(place)
                    place += 1
                if took or one.value == "slash":
                    self.take(i)
                elif self._is(i + 1, "condition") and any(self.tokens[n].counts for n in range(i)):
                    self.take(i)  # "users hit by a 5xx"
        for i in self.free("word"):
            if self.tokens[i].value == "over" and self._is(i + 1, "thing"):  # "of any instance": of them all together
                self.take(i, i + 1)
        for i in self.free("thing"):
            if self._grouping(i):
                self._group(self.tokens[i].value)
                self.take(i)

    def _group(self, column: str) -> None:
        """A flag's values mean nothing without its name."""
        named = any(one.kind == "value" and one.value == "flag_name" for one in self.tokens)
        if column in ("flag_name", "flag_value") and not named and column not in self.by:
            self.by += ["flag_name", "flag_value"]
        if column not in self.by:
            self.by.append(column)

    def _grouping(self, place: int) -> bool:
        """Whether a thing is what it is grouped by, by the words around it."""
        one, before = self.tokens[place], place - 1
        while self._is(before, "figure") or self._is(before, "word", "others", "only", "more"):
            before -= 1
        if self._is(before, "word", "which", "by", "slash"):
            return True
        ranked = self._is(before, "rank")
        if one.counts:
            leads = place == 0 or self._is(place - 1, "figure")  # "the ten users with the most 429"
            several = leads and one.plural and any(token.kind == "rank" for token in self.tokens)
            return several or (ranked and self.tokens[before].text.lower() not in _MANY)  # "most users affected"
        if self._is(before, "form", "count", "distinct"):
            return False
        follows = any(self._is(place + 1, kind) for kind in ("condition", "number", "measure", "function"))
        marked = ranked or self._is(before, "word", "all") or self._is(place + 1, "rank")
        return marked or one.plural or (follows and not self._is(before, "value"))

    def counted_things(self) -> None:
        """ "how many instances", "users": distinct values."""
        for i in self.free("thing"):
            one = self.tokens[i]
            before = i - 1
            form = self._is(before, "form", "count", "distinct")
            if self._is(before, "form", "count") and one.text.lower() in ("exception", "exceptions"):
                self.filters.append(Filter(column=one.value))  # each that a request met, not each kind of them
                self.measures.append("requests")
                self.take(i, before)
            elif form and not one.counts:
                conditions = self.free("condition")
                suffix = f"_with_{self.tokens[conditions[0]].value}" if len(conditions) == 1 else ""
                self.measures.append(f"distinct_{one.value}{suffix}")
                self.take(*(conditions if suffix else ()))
                self.take(i, before)
                while self._is(before - 1, "form", "count", "distinct"):
                    before -= 1
                    self.take(before)

    def bounded(self) -> None:  # noqa: PLR0912 - one arm for each way to say a bound
        """ "at least 100 requests", "error rate above 10 %", "slower than 500 ms"."""
        for i in self.free("bound"):
            token = self.tokens[i]
            text = token.text.lower()
            percent = "%" in text or "percent" in text
            timed = text.rstrip().endswith(("s", "sec", "minute")) and not text.endswith("errors")
            value = token.amount
            after, before = self._counted_at(i + 1), self._phrase_before(i)
            latency = [p for p in before if self.tokens[p].kind in ("number", "function")]
            if timed and not latency:  # "slower than 500 ms on average"
                before = latency = self.free("function")
            if timed and not (latency and (self.by or self.yes_no or self._will_group())):
                self.take(
                    i, *(p for p in before if self.tokens[p].kind == "number" and self.tokens[p].value == "latency_ms")
                )
                side = "slower" if token.value[0] == ">" else "faster"
                if token.value[0] not in "<>" or value < 1:
                    continue
                self.tokens[i] = Token(
                    token.start, token.end, "condition", f"{side}_than_{value:.0f}_ms", 0.0, token.text
                )
                self.used.discard(i)
                continue
            half = "half" in text
            if self._at_least_one(i):
                continue
            said, named = after, percent
            if percent and (share := self._share_behind(i + 1)):
                said, name = share, [condition_of(self.tokens[share[1]].value).rate]
            elif percent and len(after) == 1 and self.tokens[after[0]].kind == "condition":  # "exceed 5 % errors"
                name = [condition_of(self.tokens[after[0]].value).rate]
            elif after and not percent and not half:
                name = self._assembled([self.tokens[p] for p in after])
            else:
                said, named, name = before, True, self._assembled([self.tokens[p] for p in before])
            if len(name) != 1:
                continue
            self.take(i, *said)
            self.measures += name if named else []
            if half and measure_of(name[0]).kind == "count":
                name = [f"share_of_{name[0]}"]
                self.measures[-1:] = name
                for near in (i + 1, i + 2):
                    if self._is(near, "word", "all") or self._is(near, "unit"):
                        self.take(near)
            measure = share_of(name[0]) if percent else name[0]
            if percent and self.measures[-1:] == name:
                self.measures[-1] = measure
            self.bounds.append(Bound(measure=measure, sign=token.value, value=value))

    def _at_least_one(self, place: int) -> bool:
        """ "sessions with at least one failed request" are those with a failed request; the bound says no more."""
        token, one = self.tokens[place], self.at(place - 1)
        least = (token.value, token.amount) in ((">=", 1.0), (">", 0.0)) and self._is(place + 1, "condition")
        if least and one is not None and one.counts and not self.by:
            self.take(place)
            return True
        return False

    def _will_group(self) -> bool:
        return any(self._grouping(p) for p in self.free("thing"))

    def _counted_at(self, place: int) -> list[int]:
        """A count right behind a bound: "100 requests", "45 failures", "5 failed requests"."""
        found: list[int] = []
        while (one := self.at(place)) and place not in self.used and (one.counts or one.kind in ("condition", "unit")):
            found.append(place)
            place += 1
        return found

    def _phrase_before(self, place: int) -> list[int]:
        """The measure before a bound: "an error rate above 10 %", "is the error rate of 4.24.0 above 10 %"."""
        found: list[int] = []
        for at in range(place - 1, -1, -1):
            one = self.tokens[at]
            if one.measures and at not in self.used:
                found.insert(0, at)
            elif found or one.kind in ("bound", "bucket") or (one.kind == "word" and one.value == "and"):
                break
        return found

    def _share_behind(self, place: int) -> list[int]:
        """ "more than 5 % of the requests fail": the requests and what they are."""
        conditions = self.free("condition")
        asked = self._is(place, "unit", "requests") and len(conditions) == 1 and conditions[0] > place
        return [place, *conditions] if asked else []

    def measured(self) -> None:
        """The measures, phrase by phrase."""
        for i in (
            self.free("word") if self.free("number", "function") else []
        ):  # "average latency, only for failed requests"
            if self.tokens[i].value == "only" and self._is(i + 1, "condition"):
                self.conditions.append(self.tokens[i + 1].value)
                self.take(i, i + 1, *(p for p in (i + 2,) if self._is(p, "unit", "requests")))
        segments: list[list[int]] = [[]]
        for i, one in enumerate(self.tokens):
            if one.kind == "word" and one.value in ("and", "slash", "sort", "by") and not self._of_both(i):
                segments.append([])
            if i not in self.used and one.measures:
                segments[-1].append(i)
        segments = [segment for segment in segments if segment]
        merged: list[list[int]] = []
        for segment in segments:  # "min, max latency", "share of each zone in all failures"
            alone = {self.tokens[i].kind for i in merged[-1]} if merged else set()
            wanted = ("number", "function") if alone == {"function"} else ("condition",) if alone == {"form"} else ()
            if any(self.tokens[i].kind in wanted for i in segment) or (merged and self._with(segment[0], merged[-1])):
                merged[-1] += segment
            else:
                merged.append(segment)
        for segment in merged:
            names = self._assembled([self.tokens[i] for i in segment])
            if names:
                self.measures += names
                self.take(*segment)
            elif all(self.tokens[i].kind == "form" and self.tokens[i].value == "count" for i in segment):
                self.take(*segment)  # "how many" of a question that goes on

    def _with(self, place: int, before: list[int]) -> bool:
        """ "users per zone with failures", "users hit by a 503"."""
        said = re.search(r"\b(?:with|having|by)(?: an?)?\s*$", self.text[: self.tokens[place].start])
        return bool(said) and self._is(place, "condition") and self.tokens[before[-1]].counts

    def _assembled(self, tokens: list[Token]) -> list[str]:
        """The measures that one phrase names; none where its words do not go together."""
        whole = any((one.kind, one.value) == ("word", "all") for one in self.tokens)
        for one, two in pairwise(tokens):  # "what part of the failed requests"
            whole = whole or (one.kind, two.kind, self.text[one.end : two.start]) == ("form", "condition", " of the ")
        names, conditions = measures_of(tokens, self.text, of_runs=self._of_runs(), whole=whole)
        self.conditions += conditions
        return names

    def _of_runs(self) -> bool:
        named = [one.value for one in self.tokens if one.kind in ("value", "thing")]
        return any(one in RUN_COLUMNS for one in (*named, *self.by))

    def ranked(self) -> bool:
        """The order and the number of rows: "top 3", "slowest", "the five busiest", "best first"."""
        places = self.free("rank", "order")
        for i in places:
            way, _, column = self.tokens[i].value.partition(" ")
            measure = (f"p95_{column}" if column.endswith("_ms") else column) if column else ""
            if measure and any(one.endswith(f"_{column}") for one in self.measures):
                measure = next(one for one in self.measures if one.endswith(f"_{column}"))
            if way == "bad" and self.measures == ["share_of_requests"]:  # "suffers most, in percent of its requests"
                self.measures = ["failure_rate"]
            if not measure and way in ("bad", "good") and not self.measures:
                measure = "completion_rate" if self._of_runs() else "failure_rate"
            if self.order[0] and measure and self.order[0] != measure:
                continue
            name = measure or self.order[0] or (self.measures[0] if self.measures else "")
            good = bool(name) and measure_of(name).good_is_high
            ascending = {"high": False, "low": True, "bad": good, "good": not good}[way]
            if self._ranked_otherwise(i, measure, ascending=ascending):
                continue
            self.order = (measure or self.order[0], ascending)
            self.take(i)
            for near in (i - 1, i + 1):
                if self._is(near, "figure") and near not in self.used and self.limit is None:
                    self.limit = int(self.tokens[near].amount)
                    self.take(near)
        for i in self.free("figure"):  # "the ten users with the most 429"
            if places and self.limit is None and (self._is(i + 1, "thing") or self._is(i + 1, "word", "which")):
                self.limit = int(self.tokens[i].amount)
                self.take(i)
        for i in self.free("word"):
            grouped = self.by or places or self.free("value")  # "errors by volume" is by nothing
            if self.tokens[i].value in (("sort", "by") if grouped else ("sort",)) and (self.measures or self.order[0]):
                self.take(i)
        return bool(places)

    def _ranked_otherwise(self, place: int, measure: str, *, ascending: bool) -> bool:
        """Whether it asks for another order than the rank before it did: "slowest and fails most"."""
        held, way = self.order
        if way is None or self.tokens[place].text.lower() in ("top", "bottom"):
            return False
        return way is not ascending or (bool(held) and not measure and bool(self.measures) and self.measures != [held])

    def named(self) -> None:
        """The names: filters, several of one column its own groups."""
        either = False
        columns: dict[str, list[str]] = {}
        for i in self.free("value"):
            one = self.tokens[i]
            columns.setdefault(one.value, []).append(one.text)
            self.take(i)
            either = either or (self._is(i - 1, "word", "and") and self.tokens[i - 1].text.lower() == "or")
        compares = any(one.kind == "word" and one.value == "versus" for one in self.tokens) or any(
            one.kind == "rank" for one in self.tokens
        )
        for column, values in columns.items():
            distinct = tuple(dict.fromkeys(values))
            self.filters.append(Filter(column=column, values=distinct))
            if len(distinct) > 1 and column not in self.by and (compares or not either):
                self.by.append(column)
