"""Fills measures, bounds and order from a question's tokens; words that fill nothing are left over."""

import re
from dataclasses import replace
from itertools import pairwise

from tsg_agent.ask.measures import ONE, SECONDS, condition_of, measure_of, share_of
from tsg_agent.ask.naming import Naming
from tsg_agent.ask.phrases import Phrase, measures_of
from tsg_agent.ask.typed import Bound

_OF_REQUESTS = re.compile(r"\b(?:for|of|among|that(?: were| are)?)\s+(?:the\s+|all\s+)?$", re.IGNORECASE)
_AMONG = re.compile(r"\bamong (?:the |all )?$", re.IGNORECASE)
_WITH = re.compile(r"\b(?:with|having|by|(?:who|that) (?:hit|saw|had|got|met))(?: an?)?\s*$", re.IGNORECASE)
_EACH = "by conclude'affected'|conclude'impacted'|value*"
_BOTH = "unit any* condition:predicate _'and' more? condition:predicate"
"""“requests that were slow and failed”: one count with both conditions."""


class Filling(Naming):
    """Fills the fields of one question. The methods are called in their order."""

    def averaged(self) -> None:
        """ "requests per session on average", "503s per affected user", "failures per user for each zone"."""
        each = self.fitting(f"{_EACH} _thing") or self.fitting("_bucket:whole")
        if not each or self.fitting("_number|measure|form.rate") or self.fitting("by thing and _by thing"):
            return
        place = next((i for i in each if self.tokens[i].counts), each[0])
        one, said = self.tokens[place], self.span(place, f"{_EACH} _thing") or range(place, place + 1)
        affected = "affected_" if self.of(said, "conclude") else ""
        average = self.fitting("_function.avg") or (one.kind == "bucket" and self.fitting("_times"))
        counted = self.fitting("_condition|unit")
        names = list(dict.fromkeys(self.tokens[i].value for i in counted if self.tokens[i].kind == "condition"))
        several = len(each) > 1 or self.fitting("which _thing")
        grouped = one.counts and ((not one.plural and several) or self.found.yes_no)
        if (
            (average or affected or grouped or (one.counts and self.found.yes_no))
            and counted
            and len(names) < 2
            and one.value != "which"
        ):
            units = {seconds: unit for unit, seconds in SECONDS.items()}
            unit = units.get(int(one.amount), ONE.get(one.value, one.value))
            self.found.measures.append(f"{(names or ['requests'])[0]}_per_{affected}{unit}")
            done = {*said, *counted, *self.fitting("_function.avg|form.count")} - {*self.fitting("_value")}
            self.tokens = [one for i, one in enumerate(self.tokens) if i not in done]

    def timed(self) -> None:
        """ "requests slower than 500 ms" is a condition; "endpoints with p95 over 500 ms" is a bound, and stays."""
        for i in self.free("bound"):
            token, before = self.tokens[i], self._phrase_before(i)
            latency = [p for p in before if self.tokens[p].kind in ("number", "function")] or self.free("function")
            length = token.unit == "ms" and token.value != "=" and token.amount >= 1
            if length and not (latency and (self.found.by or self.found.yes_no)):
                name = f"{'slower' if token.value[0] == '>' else 'faster'}_than_{token.amount:.0f}_ms"
                self.tokens[i] = replace(token, kind="condition", value=name, amount=0.0)
                self.take(*(p for p in before if self.tokens[p].value == "latency_ms"))

    def bounded(self) -> None:
        """Bounds: "at least 100 requests", "error rate above 10 %"."""
        for i in self.free("bound"):
            token = self.tokens[i]
            said, names, named = self._bound_by(i)
            counted = bool(self.span(i, "_bound thing")) and not (token.unit or self.tokens[i + 1].counts)
            if len(names) != 1 or (counted and not self.text[token.end : self.tokens[i + 1].start].strip()):
                continue  # "error rate of requests with more than 2 products"
            (name,), measure = names, measure_of(names[0])
            unlike = token.unit != measure.unit * (not name.endswith("_utilization"))
            portion = token.unit == "half" or self.text[token.end :].startswith(" times")
            part = measure.kind in ("count", "distinct", "of_all")
            if (named and unlike and self.span(i, "thing _bound")) or (portion and not part):  # "half of the latency"
                continue
            self.take(i, *said)
            if token.unit == "half" and measure.kind != "of_all":
                name = f"share_of_{name}"
                self.take(*self.span(i, "_bound all? unit|any:counts?"))
            name = share_of(name) if token.unit == "%" else name
            self.found.measures += [name] if named else []
            self.found.bounds.append(Bound(measure=name, sign=token.value, value=token.amount))

    def _bound_by(self, place: int) -> tuple[list[int], list[str], bool]:
        """What a bound limits: places of its phrase, its measures, and whether these are shown, too."""
        unit, before = self.tokens[place].unit, self._phrase_before(place)
        other = self.span(place, "bound any:measures* and|but _bound (?! any:measures)")
        if other and self.found.bounds and self.tokens[other[0]].unit == unit:  # "more than 4 failures but under 8"
            return [place - 1], [self.found.bounds[-1].measure], False
        after = list(self.span(place, "_bound any:counts:free|condition:free|unit:free*")[1:])
        share = self.span(place, "_bound (value* unit.requests any*)? condition:free")
        if unit == "%" and share and len(conditions := self.free("condition")) == 1:  # "more than 5 % of requests fail"
            return [*after, *conditions], [condition_of(self.tokens[conditions[0]].value).rate], True
        of_all = self.span(place, f"_bound all{'?' * (unit == 'half')} condition:free (?! condition|unit|and)")
        if unit in ("half", "%") and of_all and not self.tokens[of_all[-1]].predicate:  # "half of all failures"
            return list(of_all[1:]), [f"share_of_{self.tokens[of_all[-1]].value}"], False
        if after and not unit:
            return after, self._assembled(after), False
        return before, self._assembled(before), True

    def _phrase_before(self, place: int) -> list[int]:
        """The unused phrase before a bound: "is the error rate of 4.24.0 above 10 %"."""
        ends = "bound|bucket" if self.span(place, "thing:used _any") else "bound|bucket|and"  # "…, zones under 400"
        phrase = self.span(place, f"any:measures:free+ ~any:measures:free|{ends}* _any")
        return [p for p in phrase[:-1] if self.tokens[p].measures and p not in self.used]

    def measured(self) -> None:
        """The measures, one phrase after the other."""
        limited: list[int] = []
        for number, segment in enumerate(self._segments()):
            held = len(self.found.conditions)
            if number and not self._joined(segment[0]):
                self._limiting(segment)
                continue
            names = self._assembled(segment)
            if names == ["requests"] and self.found.measures and self.span(segment[0], "value _unit"):
                self.take(*segment)  # "a higher error rate on GET requests"
            elif names:
                self.phrases[segment[0]] = names[0]
                self.found.measures += names
                self.take(*segment)
            elif all(self.span(i, "_form.count") for i in segment):
                self.take(*segment)  # "how many" of a question that goes on
            limited += segment if len(self.found.conditions) > held else []
        if len(self.phrases) > 1:  # "p95 of failed requests and requests by zone": of which of the two is open
            self.used.difference_update(limited)

    def _joined(self, place: int) -> bool:
        """Whether a second phrase names one more measure: behind "and", "their", "'s", "which" or a rank.

        In "requests per user on average", "latency on endpoints with errors" the second qualifies the first.
        """
        before = self.tokens[place - 1]
        if _AMONG.search(self.text[: self.tokens[place].start]):
            return False
        joins = self.span(place, "and|slash|more|which|versus|sort|by|rank|bucket _any")
        joins = joins or self.span(place, "value _unit.requests")
        return bool(joins) or self.text[before.end : before.end + 2] in ("'s", "\u2019s")

    def _limiting(self, phrase: list[int]) -> None:
        """A later phrase that filters the requests: "p95 by zone for slow requests"."""
        said = self.span(phrase[0], "_condition unit.requests*")
        if len(said) == len(phrase) and _OF_REQUESTS.search(self.text[: self.tokens[phrase[0]].start]):
            self.found.conditions.append(self.tokens[phrase[0]].value)
            self.take(*phrase)

    def _segments(self) -> list[list[int]]:
        """The places of each phrase's tokens. Only values may stand within a phrase.

        A noun or a rank ends it: "latency of the endpoint with the most failures" holds two phrases.
        """
        segments: list[list[int]] = []
        begins = True
        rated = self.fitting("_form.rate")  # "ratio of 4xx vs 5xx"
        for i, one in enumerate(self.tokens):
            apart = (
                self.span(i, "_and|slash|sort|rank|versus'than'") or self.span(i, "_by (?! value)")
            ) and not self.span(i, _BOTH)
            apart = apart or (not rated and self.span(i, "condition _versus condition"))  # "4xx vs 5xx"
            among = len(segments) > 1 and bool(_AMONG.search(self.text[: one.start]))
            begins = begins or among or bool(apart) or (one.kind == "thing" and not one.counts)
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

    def _with(self, place: int, before: list[int]) -> bool:
        """Whether a condition qualifies the users before it: "users per zone with failures", "users hit by a 503"."""
        one = self.tokens[place]
        return one.kind == "condition" and self.tokens[before[-1]].counts and bool(_WITH.search(self.text[: one.start]))

    def _assembled(self, places: list[int]) -> list[str]:
        """The measures that the phrase at some places names; none if its words do not make one."""
        tokens = [self.tokens[i] for i in places]
        whole = bool(self.fitting("_all (?! unit)"))
        for one, two in pairwise(tokens):  # "what part of the failed requests"
            whole = whole or (one.kind, two.kind, self.text[one.end : two.start]) == ("form", "condition", " of the ")
        timed = any(one.kind == "rank" and one.value.endswith("latency_ms") for one in self.tokens)
        names, conditions = measures_of(Phrase(tokens, self.text, self._of_runs(), whole, timed))
        self.found.conditions += conditions
        return names

    def ranked(self) -> bool:
        """The order and the limit: "top 3", "slowest", "the five busiest"; returns whether rows are ranked."""
        places = self.free("rank", "order")
        for i in places:
            self._rank(i)
        for i in self.free("figure"):  # "the ten users with the most 429"
            if places and self.span(i, "_figure thing|which"):
                self._limit(i)
        grouped = self.found.by or places or self.free("value")  # "errors by volume" is by nothing
        for i in self.free("word") if self.found.measures or self.found.order_by else ():
            ratio = self.span(i, "_~'by'|'across' unit")  # "failures per request"
            if self.tokens[i].value in (("sort", "by") if grouped and not ratio else ("sort",)):
                self.take(i)
        return bool(places)

    def _rank(self, place: int) -> None:
        """The order of one rank: by its own measure ("slowest"), that of the phrase behind it, or the first one."""
        way, _, column = self.tokens[place].value.partition(" ")
        measure = (f"p95_{column}" if column.endswith("_ms") else column) if column else ""
        if measure:
            measure = next((one for one in self.found.measures if one.endswith(f"_{column}")), measure)
        if way == "bad" and self.found.measures == ["share_of_requests"]:  # "suffers most, in percent of its requests"
            self.found.measures, self.phrases = ["failure_rate"], {}
        if not measure and way in ("bad", "good") and not self.found.measures:
            measure = "completion_rate" if self._of_runs() else "failure_rate"
        added = self.phrases and measure.endswith("_ms") and measure not in self.found.measures  # of which requests?
        if measure and (self.found.order_by not in ("", measure) or added):
            return
        behind = next((self.phrases[at] for at in sorted(self.phrases) if at > place), "")
        if not measure and behind and self.tokens[place].kind == "rank" and behind != self.found.measures[0]:
            measure = behind  # "error rate of the zones with the most requests"
        name = measure or self.found.order_by or (self.found.measures[0] if self.found.measures else "")
        good = bool(name) and measure_of(name).good_is_high
        ascending = {"high": False, "low": True, "bad": good, "good": not good}[way]
        self.found.order_by, self.found.ascending = measure or self.found.order_by, ascending
        self.take(place)
        for near in self.span(place, "figure:free? _any figure:free?"):
            if near != place:
                self._limit(near)

    def _limit(self, place: int) -> None:
        """Set the limit, unless it is set."""
        if self.found.limit is None:
            self.found.limit = int(self.tokens[place].amount)
            self.take(place)
