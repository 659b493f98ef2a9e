"""From a question's tokens to a typed query's fields: each word that carries meaning lands in one, or is left over."""

import re
from dataclasses import replace
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


_OBJECT = re.compile(r"\b(?:for|on|of|in|at|from|to|with)\s+(?:all\s+|the\s+|any\s+)*$", re.IGNORECASE)

_OF_REQUESTS = re.compile(r"\b(?:for|of|among|that(?: were| are)?)\s+(?:the\s+|all\s+)?$", re.IGNORECASE)
_AMONG = re.compile(r"\bamong (?:the |all )?$", re.IGNORECASE)


class Filling(Slots):
    """Fills one query from one question: the parts, in the order in which they are read."""

    def nouns(self) -> None:
        """The noun beside a name says only what it is; not where it is counted: "how many premium customers"."""
        said: set[int] = set()
        for i in self.free("condition"):  # "status 500", "status other than 200"
            noun = i - 1 - self._is(i - 1, "word", "not")
            if self._is(noun, "thing", "status_code", "error_code") and self.tokens[i].value.startswith("answered_"):
                said.add(noun)
        for i in self.free("value"):
            counted = self._is(i - 1, "form", "count", "distinct")
            for near in (i - 1, i + 1):
                one = self.at(near)
                if one is None or one.kind != "thing" or near in said or (counted and near > i):
                    continue
                if self._holds(one, self.tokens[i].value) and not self._is(near - 1, "word", "by"):
                    said.add(near)
        self.tokens = [one for i, one in enumerate(self.tokens) if i not in said]

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
                noun = i - 1  # "versions other than 3.15.0": it is by them, or they are only named
                if self._is(noun, "thing", one.value) and not self._grouping(noun):
                    self.take(noun)
                self.take(i, *range(i + 1, place))
                self._excluded(place)
            elif one.kind == "condition":
                self._not_so(i, place, excluding=text.startswith(_EXCLUDING))
            elif one.kind == "thing" and text.startswith(("without", "no")) and not self._is(place - 1, "word", "by"):
                self.take(i, place)
                self.filters.append(Filter(column=one.value, without=True))

    def _excluded(self, place: int) -> None:
        """The names of a list behind a negation, of one column."""
        column, values = self.tokens[place].value, [self.tokens[place].text]
        self.take(place)
        while (step := self._is(place + 1, "word", "and", "not") + 1) and self._is(place + step, "value", column):
            self.take(place + 1, place + step)
            place += step
            values.append(self.tokens[place].text)
        self.filters.append(Filter(column=column, values=tuple(values), without=True))

    def _not_so(self, place: int, condition: int, *, excluding: bool) -> None:
        """Requests that are not so, or groups in which none are."""
        name, word = self.tokens[condition].value, self.tokens[place].text.lower()
        if self._is(condition + 1, "form", "rate"):  # "no error rate": of a measure, nothing can be left out
            return
        self.take(place, condition)
        behind = condition + 1 + self._is(condition + 1, "value", "http_method")
        denied = self._is(place - 1, "condition") and f"not {self.tokens[place - 1].value}" in self.conditions
        adjective = denied or word == "non" or (word == "not" and self._is(behind, "unit", "requests"))
        adjective = adjective or self._is(place - 1, "unit", "requests")  # "requests neither slow nor failed"
        while self._is(condition + 1, "condition") or self._is(condition + 1, "unit", "requests"):
            condition += 1  # "not failing requests"
            self.take(condition)
        names = [name]
        while excluding and self._is(condition + 1, "word", "and") and self._is(condition + 2, "condition"):
            self.take(condition + 1, condition + 2)  # "5xx other than 503 and 504"
            condition += 2
            names.append(self.tokens[condition].value)
        grouped = any(self._grouping(i) for i in self.free("thing"))
        of_it = self._is(place - 1, "thing") and not self._is(place - 2, "word", "by", "slash")  # "zones without 503s"
        if grouped and not adjective and (of_it or not excluding):
            runs = self._of_runs() and name == "failures"
            self.bounds.append(Bound(measure="failed_runs" if runs else name, sign="=", value=0))
            self.measures.append("runs" if runs else "requests")
            del names[0]
        self.conditions += [f"not {one}" for one in names]

    def groups(self) -> None:
        """What it is by: "by version", "which endpoints", "top 3 zones", "per client type and API version"."""
        for i in self.free("word"):
            value, place = self.tokens[i].value, i + 1
            if value in ("slash", "by", "sort"):
                listed = value != "sort" and self._is(place, "thing")
                while listed and self._is(place, "thing"):
                    self._group(self.tokens[place].value)
                    self.take(i, place)
                    more = self._is(place + 1, "word", "and", "slash", "by") and self._is(place + 2, "thing")
                    self.take(*((place + 1,) if more else ()))
                    place += 2 if more else len(self.tokens)
                if value == "slash":
                    self.take(i)
                elif not listed and self._is(i + 1, "condition") and any(one.counts for one in self.tokens[:i]):
                    self.take(i)  # "users hit by a 5xx"
            elif value == "over" and self._is(place, "thing"):  # "of any instance": of them all together
                self.take(i, place)
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
        if self._is(place + 1, "word", "not") and self._is(place + 2, "value", one.value):
            return not _OBJECT.search(self.text[: one.start])  # "p95 of endpoints other than /cart"
        ranked = self._is(before, "rank")
        if one.counts:
            leads = place == 0 or self._is(place - 1, "figure")  # "the ten users with the most 429"
            several = leads and one.plural and any(token.kind == "rank" for token in self.tokens)
            return several or (ranked and self.tokens[before].text.lower() not in _MANY)  # "most users affected"
        if self._is(
            before - self._is(before, "condition"), "form", "count", "distinct"
        ):  # "how many failing endpoints"
            return False
        follows = any(self._is(place + 1, kind) for kind in ("condition", "number", "measure", "function"))
        marked = ranked or self._is(before, "word", "all") or self._is(place + 1, "rank")
        after = self.at(place + 1)
        marked = marked or (after is not None and after.text.lower() in ("breakdown", "distribution"))
        return marked or one.plural or (follows and not self._is(before, "value"))

    def counted_things(self) -> None:
        """ "how many instances", "users": distinct values."""
        for i in self.free("thing"):
            one = self.tokens[i]
            before = i - 1 - (self._is(i - 1, "condition") and not one.counts)
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

    def timed(self) -> None:
        """ "slower than 500 ms" says what requests are; of a latency that is asked for of groups, it is a bound."""
        for i in self.free("bound"):
            token, before = self.tokens[i], self._phrase_before(i)
            latency = [p for p in before if self.tokens[p].kind in ("number", "function")] or self.free("function")
            if token.unit != "ms" or (latency and (self.by or self.yes_no)):
                continue
            if token.value == "=" or token.amount < 1:
                continue
            name = f"{'slower' if token.value[0] == '>' else 'faster'}_than_{token.amount:.0f}_ms"
            self.tokens[i] = replace(token, kind="condition", value=name, amount=0.0)
            self.take(*(p for p in before if self.tokens[p].value == "latency_ms"))

    def bounded(self) -> None:
        """ "at least 100 requests", "error rate above 10 %"."""
        for i in self.free("bound"):
            token = self.tokens[i]
            if self._at_least_one(i):
                continue
            said, names, named = self._bound_by(i)
            if len(names) != 1:
                continue
            (name,) = names
            self.take(i, *said)
            if token.unit == "half" and measure_of(name).kind == "count":
                name = f"share_of_{name}"
                self.take(*(n for n in (i + 1, i + 2) if self._is(n, "word", "all") or self._is(n, "unit")))
            measure = share_of(name) if token.unit == "%" else name
            self.measures += [measure] if named else []
            self.bounds.append(Bound(measure=measure, sign=token.value, value=token.amount))

    def _bound_by(self, place: int) -> tuple[list[int], list[str], bool]:
        """What a bound is of: its tokens, its measure, and whether that is asked for, too."""
        unit, after, before = self.tokens[place].unit, self._counted_at(place + 1), self._phrase_before(place)
        if unit == "%" and (share := self._share_behind(place + 1)):
            return share, [condition_of(self.tokens[share[1]].value).rate], True
        if unit == "%" and len(after) == 1 and self.tokens[after[0]].kind == "condition":  # "exceed 5 % errors"
            return after, [condition_of(self.tokens[after[0]].value).rate], True
        if after and not unit:
            return after, self._assembled([self.tokens[p] for p in after]), False
        if unit == "ms" and not any(self.tokens[p].kind in ("number", "function") for p in before):
            before = self.free("function")  # "slower than 500 ms on average"
        return before, self._assembled([self.tokens[p] for p in before]), True

    def _at_least_one(self, place: int) -> bool:
        """ "sessions with at least one failed request" are those with a failed request; the bound says no more."""
        token, one = self.tokens[place], self.at(place - 1)
        least = (token.value, token.amount) in ((">=", 1.0), (">", 0.0)) and self._is(place + 1, "condition")
        users = one is not None and one.counts
        said = least and not self.by and (users or (self.measures and "_with_" in self.measures[-1]))
        self.take(*((place,) if said else ()))
        return said

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
        limited: list[int] = []
        for number, segment in enumerate(self._segments()):
            held = len(self.conditions)
            if number and not self._joined(segment[0]):
                self._limiting(segment)
                continue
            names = self._assembled([self.tokens[i] for i in segment])
            if names == ["requests"] and len(segment) == 1 and self._is(segment[0] - 1, "value") and self.measures:
                self.take(*segment)  # "a higher error rate on GET requests"
            elif names:
                self.phrases[segment[0]] = names[0]
                self.measures += names
                self.take(*segment)
            elif all(self.tokens[i].kind == "form" and self.tokens[i].value == "count" for i in segment):
                self.take(*segment)  # "how many" of a question that goes on
            limited += segment if len(self.conditions) > held else []
        if len(self.phrases) > 1:  # "p95 of failed requests and requests by zone": of which of the two is open
            self.used.difference_update(limited)

    def _joined(self, place: int) -> bool:
        """Whether a second phrase is one more that is asked for: "and", "their", "'s", "which", or a rank before it.

        "Requests per user on average", "latency on endpoints with errors" hold two that say something of each other.
        """
        before = self.tokens[place - 1]
        if _AMONG.search(self.text[: self.tokens[place].start]):
            return False
        if before.kind == "word":
            return before.value in ("and", "slash", "more", "which", "versus", "sort", "by")
        lone = (self.tokens[place].kind, self.tokens[place].value) == ("unit", "requests") and before.kind == "value"
        return lone or before.kind in ("rank", "bucket") or self.text[before.end : before.end + 2] in ("'s", "\u2019s")

    def _limiting(self, phrase: list[int]) -> None:
        """ "p95 by zone for slow requests", "requests by zone that failed": of what requests all of it is."""
        condition, *rest = (self.tokens[i] for i in phrase)
        said = _OF_REQUESTS.search(self.text[: condition.start])
        if said and condition.kind == "condition" and all(one.value == "requests" for one in rest):
            self.conditions.append(condition.value)
            self.take(*phrase)

    def _segments(self) -> list[list[int]]:
        """The places of each phrase's tokens: what stands together, with names alone in between.

        "Latency of the endpoint with the most failures" is of all requests: a thing or a rank ends a phrase.
        """
        segments: list[list[int]] = []
        begins = True
        for i, one in enumerate(self.tokens):
            parts = one.kind == "word" and one.value in ("and", "slash", "sort", "by") and not self._of_both(i)
            parts = parts or self._side_by_side(i)
            among = len(segments) > 1 and bool(_AMONG.search(self.text[: one.start]))
            begins = begins or among or parts or one.kind == "rank" or (one.kind == "thing" and not one.counts)
            if i in self.used or not one.measures:
                continue
            alone = {self.tokens[p].kind for p in segments[-1]} if segments else set()
            goes_on = one.kind in {"function": ("number", "function"), "form": ("condition",)}.get("".join(alone), ())
            if segments and (not begins or goes_on or self._with(i, segments[-1])):
                segments[-1].append(i)  # "min, max latency", "share of each zone in all failures"
            else:
                segments.append([i])
            begins = False
        return segments

    def _side_by_side(self, place: int) -> bool:
        """ "4xx vs 5xx"; not "ratio of 4xx vs 5xx", nor "more 4xx than 5xx"."""
        rated = any((one.kind, one.value) in (("form", "rate"), ("rank", "high")) for one in self.tokens)
        beside = self._is(place - 1, "condition") and self._is(place + 1, "condition")
        return not rated and beside and self._is(place, "word", "versus")

    def _with(self, place: int, before: list[int]) -> bool:
        """ "users per zone with failures", "users hit by a 503"."""
        said = re.search(
            r"\b(?:with|having|by|(?:who|that) (?:hit|saw|had|got|met))(?: an?)?\s*$",
            self.text[: self.tokens[place].start],
        )
        return bool(said) and self._is(place, "condition") and self.tokens[before[-1]].counts

    def _assembled(self, tokens: list[Token]) -> list[str]:
        """The measures that one phrase names; none where its words do not go together."""
        whole = any(self._is(i, "word", "all") and not self._is(i + 1, "unit") for i in range(len(self.tokens)))
        for one, two in pairwise(tokens):  # "what part of the failed requests"
            whole = whole or (one.kind, two.kind, self.text[one.end : two.start]) == ("form", "condition", " of the ")
        timed = any(one.kind == "rank" and one.value.endswith("latency_ms") for one in self.tokens)
        names, conditions = measures_of(tokens, self.text, of_runs=self._of_runs(), whole=whole, timed=timed)
        self.conditions += conditions
        return names

    def _of_runs(self) -> bool:
        named = [one.value for one in self.tokens if one.kind in ("value", "thing")]
        return any(one in RUN_COLUMNS for one in (*named, *self.by))

    def ranked(self) -> bool:
        """The order and the number of rows: "top 3", "slowest", "the five busiest", "best first"."""
        places = self.free("rank", "order")
        for i in places:
            self._rank(i)
        for i in self.free("figure"):  # "the ten users with the most 429"
            if places and self.limit is None and (self._is(i + 1, "thing") or self._is(i + 1, "word", "which")):
                self._limit(i)
        grouped = self.by or places or self.free("value")  # "errors by volume" is by nothing
        for i in self.free("word") if self.measures or self.order[0] else ():
            ratio = self.tokens[i].text.lower() not in ("by", "across") and self._is(i + 1, "unit")
            if self.tokens[i].value in (("sort", "by") if grouped and not ratio else ("sort",)):
                self.take(i)  # not "failures per request"
        return bool(places)

    def _rank(self, place: int) -> None:
        """The order that one word asks for: by a measure of its own, that of the phrase behind it, or the first."""
        way, _, column = self.tokens[place].value.partition(" ")
        measure = (f"p95_{column}" if column.endswith("_ms") else column) if column else ""
        if measure:
            measure = next((one for one in self.measures if one.endswith(f"_{column}")), measure)
        if way == "bad" and self.measures == ["share_of_requests"]:  # "suffers most, in percent of its requests"
            self.measures, self.phrases = ["failure_rate"], {}
        if not measure and way in ("bad", "good") and not self.measures:
            measure = "completion_rate" if self._of_runs() else "failure_rate"
        if measure and (self.order[0] not in ("", measure) or (self.phrases and self._of_latency(measure))):
            return
        behind = next((self.phrases[at] for at in sorted(self.phrases) if at > place), "")
        if not measure and behind and self.tokens[place].kind == "rank" and behind != self.measures[0]:
            measure = behind  # "error rate of the zones with the most requests"
        name = measure or self.order[0] or (self.measures[0] if self.measures else "")
        good = bool(name) and measure_of(name).good_is_high
        ascending = {"high": False, "low": True, "bad": good, "good": not good}[way]
        self.order = (measure or self.order[0], ascending)
        self.take(place)
        for near in (place - 1, place + 1):
            if self._is(near, "figure") and near not in self.used and self.limit is None:
                self._limit(near)

    def _limit(self, place: int) -> None:
        self.limit = int(self.tokens[place].amount)
        self.take(place)

    def _of_latency(self, measure: str) -> bool:
        """ "the slowest endpoint for failed requests": of which requests the latency is, nothing says."""
        return measure.endswith("_ms") and measure not in self.measures

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
        together = [i for i in self.free("word") if self.tokens[i].value == "together"]
        if any(len(set(values)) > 1 for values in columns.values()):
            self.take(*together)
        for column, values in columns.items():
            distinct = tuple(dict.fromkeys(values))
            self.filters.append(Filter(column=column, values=distinct))
            if len(distinct) > 1 and column not in self.by and (compares or not (either or together)):
                self.by.append(column)
