"""A question's tokens, and what of a typed query its names and things are: filters, what it is by, what is counted."""

import re
from dataclasses import replace

from tsg_agent.ask.phrases import is_part, is_predicate
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import RUN_COLUMNS, Bound, Filter
from tsg_agent.ask.vocabulary import PEOPLE

_EXCLUDING = ("without", "except", "exclud", "other than", "apart", "aside", "outside", "besides", "ignoring", "minus",
              "leaving", "not counting")  # fmt: skip
_OTHERWISE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_NOUNS = {
    "flag_name": ("flag_value",),
    "service_name": ("service_component",),
    "user_id": ("customer_tier",),
    "product_id": ("product_category",),
}
"""What a name of another column may be called, too: "premium customers"."""
_MANY = ("most", "the most", "fewest", "least", "more", "fewer", "highest", "lowest")
_OBJECT = re.compile(r"\b(?:for|on|of|in|at|from|to|with)\s+(?:all\s+|the\s+|any\s+)*$", re.IGNORECASE)


class Slots:
    """The tokens of one question, which of them have been read, and the fields that they filled."""

    def __init__(self, reading: TokenizedQuestion, *, yes_no: bool) -> None:
        """`yes_no`: it begins as a question for yes or no does."""
        self.reading, self.text = reading, reading.text
        self.tokens = list(reading.tokens)
        self.used: set[int] = set()
        self.yes_no = yes_no
        self.of_it = False
        self.by: list[str] = []
        self.filters: list[Filter] = []
        self.conditions: list[str] = []
        self.measures: list[str] = []
        self.phrases: dict[int, str] = {}
        """Where a phrase that names a measure begins -> its measure."""
        self.bounds: list[Bound] = []
        self.limit: int | None = None
        self.order: tuple[str, bool | None] = ("", None)

    def at(self, place: int) -> Token | None:
        """The token at a place; None where there is none."""
        return self.tokens[place] if 0 <= place < len(self.tokens) else None

    def free(self, *kinds: str) -> list[int]:
        """The places of tokens of these kinds that have not been read."""
        return [i for i, one in enumerate(self.tokens) if i not in self.used and one.kind in kinds]

    def _is(self, place: int, kind: str, *values: str) -> bool:
        one = self.at(place)
        return one is not None and one.kind == kind and (not values or one.value in values)

    def take(self, *places: int) -> None:
        """These have been read."""
        self.used.update(places)

    def _all_but(self, place: int) -> bool:
        """ "all zones but eu-west-1b"."""
        every = any(self._is(near, "word", "all") for near in range(place - 3, place))
        return every and self._is(place, "word", "but") and self._is(place + 1, "value")

    def _of_both(self, place: int) -> bool:
        """ "requests that were slow and failed" are both at once, not two counts."""
        one, two = self.at(place - 1), self.at(place + 1 + self._is(place + 1, "word", "more"))
        verbs = all(near and near.kind == "condition" and is_predicate(near) for near in (one, two))
        return verbs and self.tokens[place].text.lower() == "and" and any(self._is(i, "unit") for i in range(place))


class Naming(Slots):
    """Reads the names, the things and what is denied."""

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
                if one.counts and (self._is(near - 1, "rank") or self._is(near - 1, "bound")):
                    continue  # "did more users on android than on ios see errors?"
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
            while self._is(place, "word", "which", "all", "and", "not"):
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
            elif one.kind == "thing" and one.plural and self._left_out(i, place):
                continue
            elif one.kind == "thing" and text.startswith(("without", "no")) and not self._is(place - 1, "word", "by"):
                self.take(i, place)
                self.filters.append(Filter(column=one.value, without=True))

    def _left_out(self, place: int, noun: int) -> bool:
        """Whether what is denied has a bound; of what it is by, the other groups are meant.

        "requests by version, without versions that got fewer than 400": only those with at least as many.
        """
        behind = next((i for i in range(noun + 1, len(self.tokens)) if not self.tokens[i].measures), noun)
        things = {
            one.value for i, one in enumerate(self.tokens) if i != noun and one.kind == "thing" and self._grouping(i)
        }
        bound = self.tokens[behind]
        if things == {self.tokens[noun].value} and len(self.free("bound")) == 1 and bound.value in _OTHERWISE:
            self.reading.tokens.remove(self.tokens[place])  # its effect is the other bound
            self.tokens[behind] = replace(bound, value=_OTHERWISE[bound.value])
            self.take(place, noun)
        return any(one.kind == "bound" for one in self.tokens[noun:])

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
        if grouped and self._is(place - 1, "word", "but"):  # "zones with errors but no timeouts": two bounds at once
            self.used.discard(place)
            return
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
        # "how many failing endpoints"
        if self._is(before - self._is(before, "condition"), "form", "count", "distinct"):
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

    def _of_runs(self) -> bool:
        named = [one.value for one in self.tokens if one.kind in ("value", "thing")]
        return any(one in RUN_COLUMNS for one in (*named, *self.by))
