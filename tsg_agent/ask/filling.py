"""From a question's tokens to a typed query's fields: each word that carries meaning lands in one, or is left over."""

import re
from dataclasses import replace
from itertools import pairwise

from tsg_agent.ask.measures import condition_of, measure_of, share_of
from tsg_agent.ask.naming import Naming
from tsg_agent.ask.phrases import measures_of
from tsg_agent.ask.tokens import Token
from tsg_agent.ask.typed import Bound

_OF_REQUESTS = re.compile(r"\b(?:for|of|among|that(?: were| are)?)\s+(?:the\s+|all\s+)?$", re.IGNORECASE)
_AMONG = re.compile(r"\bamong (?:the |all )?$", re.IGNORECASE)


class Filling(Naming):
    """Fills one query from one question: the parts, in the order in which they are read."""

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
            unlike = named and self._is(i - 1, "thing") and not _is_unit(token.unit, names)
            if len(names) != 1 or unlike:
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
        said = least and not self.by and (users or any("_with_" in name for name in self.measures[-1:]))
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
        of_groups = self._is(place - 1, "thing") and place - 1 in self.used  # "…, without zones under 400"
        for at in range(place - 1, -1, -1):
            one = self.tokens[at]
            if one.measures and at not in self.used:
                found.insert(0, at)
            elif (
                found
                or one.kind in ("bound", "bucket")
                or (one.kind == "word" and one.value == "and" and not of_groups)
            ):
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


def _is_unit(unit: str, names: list[str]) -> bool:
    """Whether a bound's unit is that of its measure."""
    return [unit] == ["%" if measure_of(one).is_share else "ms" if one.endswith("_ms") else "" for one in names]
