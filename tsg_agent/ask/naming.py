"""Fills filters, groupings and counts of distinct values from a question's names, nouns and negations."""

import re
from dataclasses import replace

from tsg_agent.ask.measures import ONE
from tsg_agent.ask.slots import Slots
from tsg_agent.ask.typed import RUN_COLUMNS, Bound, Filter
from tsg_agent.ask.vocabulary import PEOPLE

_NONE = ("no", "kein", "keine", "keinen", "ningún", "ninguna", "aucun", "aucune")
_EXCLUDING = ("without", "except", "exclud", "other than", "apart", "aside", "outside", "besides", "ignoring", "minus",
              "leaving", "not counting")  # fmt: skip
_OTHERWISE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_OBJECT = re.compile(r"\b(?:for|on|of|in|at|from|to|with)\s+(?:all\s+|the\s+|any\s+)*$", re.IGNORECASE)
_REQUESTS = re.compile(r"['\u2019]?\s+(?:requests|calls)\b", re.IGNORECASE)
_PASSED = "figure|others|only|more*"
_PEOPLE_ARE_GROUPS = (
    ("(^ | figure) _thing:plural (?= any* rank)", True),  # "the ten users with the most 429"
    ("^ _thing:plural bound", True),  # "users with more than 5 failures"
    (f"(?! 'most'|'fewest'|'least'|'more'|'fewer'|'highest'|'lowest') rank {_PASSED} _thing", True),
)
_THINGS_ARE_GROUPS = (
    (f"form.count,distinct condition? {_PASSED} _thing", False),  # "how many failing endpoints"
    (f"rank|all {_PASSED} _thing", True),
    ("_thing:plural", True),
    ("_thing rank|any'breakdown'|any'distribution'", True),
    (f"value {_PASSED} _thing", False),
    ("_thing condition|number|measure|function", True),
)
"""The first pattern that fits decides whether a noun is a grouping."""


class Naming(Slots):
    """Reads values ("web"), things ("endpoints": nouns of columns) and negations."""

    def nouns(self) -> None:
        """Drop nouns that only say what a value is: "version 3.15.0"; but not in "how many premium customers"."""
        said = {  # "status 500", "status other than 200"
            noun[0]
            for i in self.free("condition")
            if (noun := self.span(i, "thing.status_code,error_code not? _condition.answered_#"))
        }
        called = self._called()
        for i in self.free("thing"):
            behind = self.span(i, "(^ | ~form.count,distinct) value _thing")
            names = [*self.of(self.span(i, "_thing value"), "value"), *(self.tokens[p] for p in behind[-2:-1])]
            # "did more users on android …?", "what percent of premium customers failed", but not "customers' requests"
            counted = self.span(i, "rank|bound _any:counts")
            if not _REQUESTS.match(self.text, self.tokens[i].end):
                counted = counted or self.span(i, "any:part value _any:counts")
            held = [one.value == self.tokens[i].value or (self.tokens[i].value, one.value) in called for one in names]
            if any(held) and not (counted or self.span(i, "by _thing")):
                said.add(i)
        self.tokens = [one for i, one in enumerate(self.tokens) if i not in said]

    def _called(self) -> set[tuple[str, str]]:
        """Columns of nouns, each with another column whose values the noun may stand beside: "premium customers"."""
        called = {("flag_name", "flag_value"), ("service_name", "service_component"), ("user_id", "customer_tier")}
        if self.fitting("_'api'"):
            called.add(("endpoint_path", "api_version"))
        if not self.fitting("_rank|order|any.by"):
            called |= {("instance_id", "instance_type"), ("product_id", "product_category")}
        rated = set(self.fitting("_form.rate")) - set(self.fitting("_any:part"))
        if self.found.yes_no or rated or self.fitting("_measure|number|function"):  # of requests, and not of users
            called |= {("user_id", column) for column in (*PEOPLE, "flag_name")}
        return called

    def negations(self) -> None:
        """Attach "not", "without", "except", "all zones but" to the value, condition or noun right behind it."""
        for i in self.free("word"):
            if i in self.used or not (self.span(i, "_not") or self.span(i, "all any? any? _but value")):
                continue
            between = self.span(i, "_any which|all|and|not*")
            self.take(*(p for p in between[1:] if self.tokens[p].value != "and"))
            place, text = between[-1] + 1, self.tokens[i].text.lower()
            if self.span(place, "_value"):
                column = self.tokens[place].value
                if text in _NONE and any(self._grouping(one) for one in self.free("thing")):
                    continue  # "which components had no TimeoutException": of groups, which a filter does not tell
                if self.span(i, f"thing.{column} _any") and not self._grouping(i - 1):
                    self.take(i - 1)  # "versions other than 3.15.0": it is by them, or they are only named
                excluded = self.span(place, f"_value (and|not? value.{column})*")
                self.take(*between, *excluded)
                values = tuple(one.text for one in self.of(excluded, "value"))
                self.found.filters.append(Filter(column=column, values=values, without=True))
            elif self.span(place, "_condition"):
                self._not_so(i, place, excluding=text.startswith(_EXCLUDING))
            elif self.span(place, "_thing:plural") and self._left_out(i, place):
                continue
            elif self.span(place, "~by _thing") and text.startswith(("without", "no")):
                self.take(i, place)
                self.found.filters.append(Filter(column=self.tokens[place].value, without=True))

    def _left_out(self, place: int, noun: int) -> bool:
        """Whether a bound follows the excluded noun. If the noun is the grouping, the bound is inverted.

        "requests by version, without versions that got fewer than 400": those with at least 400.
        """
        behind = self.span(noun, "_thing any:measures*")[-1] + 1
        bound = self.span(behind, "_bound.lt#,gt#")
        things = {
            one.value for i, one in enumerate(self.tokens) if i != noun and one.kind == "thing" and self._grouping(i)
        }
        if things == {self.tokens[noun].value} and len(self.free("bound")) == 1 and bound:
            self.reading.tokens.remove(self.tokens[place])  # its effect is the other bound
            other = self.tokens[behind]
            self.tokens[behind] = replace(other, value=_OTHERWISE.get(other.value, other.value))
            self.take(place, noun)
        return any(one.kind == "bound" for one in self.tokens[noun:])

    def _not_so(self, place: int, condition: int, *, excluding: bool) -> None:
        """A negated condition: a filter on requests, or, of groups ("zones without 503s"), a bound of 0."""
        name, word = self.tokens[condition].value, self.tokens[place].text.lower()
        if self.span(place, "any:counts _any condition (?! condition|unit)") and not self._grouping(place - 1):
            self.found.measures.append(f"{ONE[self.tokens[place - 1].value]}s_without_{name}")
            self.take(place - 1, place, condition)
            return
        denied = self.span(place, "condition _any") and f"not {self.tokens[place - 1].value}" in self.found.conditions
        adjective = (
            denied or word == "non" or self.span(place, "unit.requests _any")
        )  # "requests neither slow nor failed"
        adjective = adjective or self.span(condition, "'not' _condition value.http_method? unit.requests")
        said = self.span(condition, "_condition condition|unit.requests*")  # "not failing requests"
        more = self.span(said[-1], "_any (and condition)*") if excluding else said[-1:]  # "5xx other than 503 and 504"
        self.take(place, *said, *more)
        names = [name, *(one.value for one in self.of(more[1:], "condition"))]
        grouped = any(self._grouping(i) for i in self.free("thing"))
        of_it = self.span(place, "(^ | ~by|slash) thing _any")  # "zones without 503s"
        if grouped and self.span(place, "but _any"):  # "zones with errors but no timeouts": two bounds at once
            self.used.discard(place)
            return
        if grouped and not adjective and (of_it or not excluding):
            runs = self._of_runs() and name == "failures"
            self.found.bounds.append(Bound(measure="failed_runs" if runs else name, sign="=", value=0))
            self.found.measures.append("runs" if runs else "requests")
            del names[0]
        self.found.conditions += [f"not {one}" for one in names]

    def groups(self) -> None:
        """The grouping: "by version", "which endpoints", "top 3 zones", "per client type and API version"."""
        for i in self.free("word"):
            listed = self.span(i, "_by|slash thing (and|slash|by thing)*")
            any_of = self.span(i, "_over thing") if self.found.yes_no else ()  # "is p95 over 1 s in any zone?"
            for one in self.of([*listed, *any_of], "thing"):
                self._group(one.value)
            self.take(*listed, *self.span(i, "_over thing"), *self.span(i, "_slash"))  # "of any instance": of all
            if self.span(i, "any:counts any* _by|sort condition"):  # "users hit by a 5xx"
                self.take(i)
        for i in self.free("thing"):
            if self._grouping(i):
                self._group(self.tokens[i].value)
                self.take(i)

    def _group(self, column: str) -> None:
        """Group by a column; by a flag's name and value together where no flag is named."""
        named = any(one.kind == "value" and one.value == "flag_name" for one in self.tokens)
        flags = ("flag_name", "flag_value")
        self.found.by += [
            one for one in (flags if column in flags and not named else (column,)) if one not in self.found.by
        ]

    def _grouping(self, place: int) -> bool:
        """Whether the noun at a place is a grouping, by the words around it."""
        one = self.tokens[place]
        if self.span(place, f"which|by|slash {_PASSED} _thing"):
            return True
        if self.span(place, f"_thing not value.{one.value}"):
            return not _OBJECT.search(self.text[: one.start])  # "p95 of endpoints other than /cart"
        rules = _PEOPLE_ARE_GROUPS if one.counts else _THINGS_ARE_GROUPS
        return next((grouped for pattern, grouped in rules if self.span(place, pattern)), False)

    def counted_things(self) -> None:
        """Counts of distinct values: "how many instances"."""
        for i in self.free("thing"):
            one, asked = self.tokens[i], self.span(i, "form.count,distinct+ condition? _thing")
            if not asked or one.counts:
                continue
            conditions = self.free("condition")
            self.take(*(p for p in asked if self.tokens[p].kind != "condition"))
            if self.span(i, "form.count condition? _'exception'|'exceptions'"):
                self.found.filters.append(Filter(column=one.value))  # each that a request met, not each kind of them
                self.found.measures.append("requests")
            else:
                suffix = f"_with_{self.tokens[conditions[0]].value}" if len(conditions) == 1 else ""
                self.found.measures.append(f"distinct_{one.value}{suffix}")
                self.take(*(conditions if suffix else ()))

    def named(self) -> None:
        """The values: filters. Several of one column are also grouped by, unless "or" or "together" joins them."""
        names, together = self.free("value"), [i for i in self.free("word") if self.tokens[i].value == "together"]
        either = self.fitting("'or' _value")
        compares = self.fitting("_versus|rank")
        columns: dict[str, list[str]] = {}
        for i in names:
            columns.setdefault(self.tokens[i].value, []).append(self.tokens[i].text)
        self.take(*names)
        for column, values in columns.items():
            distinct = tuple(dict.fromkeys(values))
            self.found.filters.append(Filter(column=column, values=distinct))
            if len(distinct) > 1:
                self.take(*([] if compares else together))  # "more on web than on ios and android together"
                if column not in self.found.by and (compares or not (either or together)):
                    self.found.by.append(column)

    def _of_runs(self) -> bool:
        named = [one.value for one in self.tokens if one.kind in ("value", "thing")]
        return any(one in RUN_COLUMNS for one in (*named, *self.found.by))
