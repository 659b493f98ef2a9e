"""Splits a question into tokens with kinds and values; repairs spelling; collects unknown words."""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise

from tsg_agent.ask.lexicon import LONGEST, NUMBERS, WORD, Meaning, lexicon, stem
from tsg_agent.ask.measures import SECONDS
from tsg_agent.ask.typed import thing
from tsg_agent.ask.vocabulary import Vocabulary
from tsg_agent.wording import listed, one_line

_SIZE = r"(?:seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|hr|h|days?|d)"
_BUCKETS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:per|every|each|for (?:each|every)|in (?:each|every))[ ]+"
        rf"(?P<n>[0-9]{{1,4}}|half an?|an?|half|quarter)?[ -]?(?P<size>{_SIZE})\b",
        r"\bin (?:steps|intervals|blocks|slots|buckets|bins) of "
        rf"(?P<n>[0-9]{{1,4}}|half an?|an?)[ ]?(?P<size>{_SIZE})\b",
        rf"\b(?P<n>[0-9]{{1,4}}|half)[ -]?(?P<size>{_SIZE})[ -]"
        r"(?:buckets?|intervals?|bins?|steps?|windows?|resolution|stretch(?:es)?|slots?|blocks?|periods?)\b",
        r"\bby (?:the )?(?:(?P<n>half|[0-9]{1,3})[ -])?(?P<size>(?:minute|hour|day)s?)\b",
        r"\b(?P<size>hourly|daily|minutely)\b",
        r"(?P<which>\b(?:in )?(?:which|what) |(?<=busiest )|(?<=worst )|(?<=slowest )|(?<=quietest ))"
        r"(?:intervals? of )?(?:(?P<n>[0-9]{1,3})[ -]?)?(?P<size>minute|hour)s?\b(?! ago)",
    )
]
_FIGURE = (
    r"(?P<figure>[0-9][0-9,]*(?:\.[0-9]+)?|one|two|three|four|five|ten|(?:an? )?(?:half|third|quarter)(?= of)"
    r"|(?:half )?a(?= (?:second|minute)))(?P<kilo>k\b)?"
)
_PARTS = {"half": 50.0, "third": 100 / 3, "quarter": 25.0}
_UNIT = r"(?:[ ]?(?P<unit>%|percent\b|ms\b|milliseconds?\b|s\b|sec\b|seconds?\b|minutes?\b))?"
_SPAN = r"(?:(?:the )?(?P<n>[0-9]{1,3})[ ]?(?P<size>minutes?|mins?|min|hours?|h)\b[ ])"
_SIDES = {
    "": r"\bbefore[ ]*(?:and|or|/|vs\.?|versus|&)[ ]*(?=after\b)",
    "then": r"\bbefore\b.{1,50}?[ ]?(?P<tail>\b(?:and|vs\.?|versus|compared (?:to|with|against)|against)\b"
    rf"[ ]+{_SPAN}?(?:the time )?after(?:wards?|[ ](?:it|that|this))?\b(?![ ]*[0-9]))",
    "than": r"\b(?:than|as|with|to|like|from)[ ](?:it was |they were |what it was )?before(?:hand)?\b"
    r"(?![ ]*(?:[0-9#]|the))",
}
"""Comparisons in time: "before and after 14:00", "before 14:00 and 20 minutes after", "than before"."""
_BEFORE = re.compile(r"\bbefore(?:hand)?\b(?P<at>(?= *[0-9#]))?", re.IGNORECASE)
"""Beside a factor: "3 times the rate before", "twice what it was before 14:00"."""
CODE = re.compile(r"(?<![\w.,:/-])(?P<code>[1-5][0-9]{2})(?:['\u2019]?s|ern?)?(?![\w%:-]|[.,][0-9])")
CODES = re.compile(r"(?<![\w.,:/-])[1-5][0-9]{2}(?:['\u2019]?s|ern?)\b")
"""Codes that could be read as times: “503s” is not 503 seconds."""
_PERCENTILE = re.compile(
    r"\b(?:(?:p|percentile )[ ]?(?P<p>[0-9]{1,2}(?:[.,][0-9]{1,2})?)"
    r"|(?P<th>[0-9]{1,2}(?:\.[0-9])?)(?:th|st|nd|rd)?[ -](?:percentile|pctl|%ile))\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\w.,:/-])[0-9]{1,3}(?![\w%:/-]|[.,][0-9])")
_BEFORE_A_TIME = re.compile(r"(?:over|during|throughout|for|within)\s+(?:the\s+)?#", re.IGNORECASE)
"""Prepositions of times (blanked as “#”): “over the last 30 minutes”."""
_OF_ALL = ("share", "part", "percent", "fraction", "proportion", "portion", "pct", "how much of", "%")
_MARKS = str.maketrans({"<": "lt", ">": "gt", ";": "", "+": "and"})
_SHAPED = re.compile(r".*[0-9_/].*|.*\w[-.:]\w.*")


@dataclass(frozen=True)
class Token:
    """A word, phrase, name or number of a question. `amount`: of a figure or bound; seconds of a bucket."""

    start: int
    end: int
    kind: str
    value: str
    amount: float = 0.0
    text: str = ""
    also: tuple[str, ...] = ()
    unit: str = ""
    """The unit of a bound: ms, %, half, or empty for a count."""

    @property
    def plural(self) -> bool:
        """Whether the word is in the plural."""
        return stem(self.text.split(" ")[-1].lower()) != self.text.split(" ")[-1].lower()

    @property
    def counts(self) -> bool:
        """Whether it names users or sessions: "users" alone asks for their number."""
        return self.kind == "thing" and self.value in ("user_id", "session_id")

    @property
    def predicate(self) -> bool:
        """Whether it is a condition that says what requests did: "failed", not "failures"."""
        ended = self.text.lower().endswith(("ed", "ing", "fail", "slow", "timed out", "the cache"))
        return self.kind == "condition" and ended

    @property
    def part(self) -> bool:
        """Whether it asks for a share ("percentage of"), not for a rate ("error rate")."""
        return (self.kind, self.value) == ("form", "rate") and self.text.lower().startswith(_OF_ALL)

    @property
    def measures(self) -> bool:
        """Whether it may be part of a phrase that names a measure."""
        return self.counts or self.kind in ("condition", "unit", "number", "function", "form", "measure")

    @cached_property
    def spelled(self) -> str:
        """Its kind, value, properties and text, as patterns read them."""
        holds = {
            "plural": self.plural,
            "counts": self.counts,
            "measures": self.measures,
            "predicate": self.predicate,
            "part": self.part,
            "least": self.kind == "bound" and (self.value, self.amount) in ((">=", 1.0), (">", 0.0)),  # "at least one"
            "whole": self.kind == "bucket" and self.amount in SECONDS.values(),  # one second, minute or hour
        }
        properties = " ".join(name for name, held in holds.items() if held)
        return ";".join(text.translate(_MARKS) for text in (self.kind, self.value, properties, self.text.lower()))


@dataclass(frozen=True)
class Unknown:
    """An unknown word. `noun`: what it seems to name. `near`: similar known words."""

    text: str
    noun: str = ""
    near: tuple[str, ...] = ()

    def said(self) -> str:
        """The reason for the refusal, in words."""
        near = f" Near it: {', '.join(self.near)}." if self.near else ""
        quoted = f"“{one_line(self.text, 80)}”"
        if self.noun or self.near or _SHAPED.fullmatch(self.text):
            return f"The telemetry knows no {self.noun + ' ' if self.noun else ''}{quoted}.{near}"
        return f"{quoted} was not understood."


@dataclass
class TokenizedQuestion:
    """A question's tokens in order, without fillers, and its unknown words."""

    text: str
    tokens: list[Token] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Token]:
        """The tokens of some kinds."""
        return [token for token in self.tokens if token.kind in kinds]

    def has(self, kind: str, *values: str) -> bool:
        """Whether there is a token of a kind, with one of the values if any are given."""
        return any(token.kind == kind and (not values or token.value in values) for token in self.tokens)

    def doubtful(self) -> list[str]:
        """Caveats about names that are values of several columns."""
        named = [(one, listed([thing(column) for column in one.also])) for one in self.of("value") if one.also]
        return [
            f"“{one.text}” is taken as the {thing(one.value)}, not as the {also} of that name." for one, also in named
        ]


def hidden(text: str, spans: "list[tuple[int, int]]") -> str:
    """A text with some spans replaced by `#`; all offsets stay."""
    for low, high in spans:
        text = f"{text[:low]}{'#' * (high - low)}{text[high:]}"
    return text


def figures_in(text: str) -> list[Token]:
    """Tokens of time buckets, comparisons in time, percentiles and bounds."""
    found: list[Token] = []

    def add(match: re.Match[str], kind: str, value: str, amount: float = 0.0, unit: str = "") -> None:
        low, high = match.span("tail" if kind == "sides" and value == "then" else 0)
        if not any(one.start < high and low < one.end for one in found):
            found.append(Token(low, high, kind, value, amount, text[low:high], unit=unit))

    for pattern in _BUCKETS:
        for match in pattern.finditer(text):
            add(match, "bucket", "which" if match.groupdict().get("which") is not None else "", _seconds_of(match))
    for value, written in _SIDES.items():
        for match in re.finditer(written, text, re.IGNORECASE):
            add(match, "sides", value, _seconds_of(match) if value == "then" and match["n"] else 0)
    for match in _PERCENTILE.finditer(text):
        add(match, "function", f"p{(match['p'] or match['th']).replace(',', '_').replace('.', '_')}")
    for match in _factors().finditer(text):
        add(match, "times", *_factor_of(match))
    before = _BEFORE.search(text) if any(one.kind == "times" for one in found) else None
    if before and before["at"] is not None:  # its time is the scope's
        found.append(Token(before.start(), before.start(), "sides", "then", text=before[0]))
    elif before:
        add(before, "sides", "than")
    for match in _bounds().finditer(text):
        if CODES.match(text, match.start("figure")) and CODES.search(text[: match.start()]):
            continue  # "are 429s more common than 404s?"
        add(match, "bound", lexicon().signs[match["sign"].lower()], *_amount_of(match))
    return found


def _amount_of(match: re.Match[str]) -> tuple[float, str]:
    """A bound's amount and unit (ms, %, half or empty); seconds and minutes become ms."""
    figure, unit = match["figure"].replace(",", "").lower(), (match["unit"] or "").lower()
    if part := _PARTS.get(figure.split()[-1]):
        return part, "half"
    figure = {"half a": "0.5", "a": "1"}.get(figure, figure)
    value = float(NUMBERS.get(figure, 0) or figure) * (1000 if match["kilo"] else 1)
    if unit in ("", "%", "percent"):
        return value, "%" if unit else ""
    return value * (1 if unit.startswith(("ms", "milli")) else 60_000 if unit.startswith("minute") else 1000), "ms"


def _factor_of(match: re.Match[str]) -> tuple[str, float]:
    """A factor's sign and amount; without a sign and 0 if it is asked for."""
    said = (match["of"] or match["n"] or lexicon().times[match["word"].lower()]).lower()
    if said == "?":
        return "", 0.0
    amount = float(NUMBERS.get(said, 0) or said)
    return lexicon().signs[match["sign"].lower()] if match["sign"] else ">=" if amount > 1 else "<=", amount


def _seconds_of(match: re.Match[str]) -> float:
    """The seconds of a match with `size` (minute, h, …) and maybe `n` (15, half an)."""
    number = (match.groupdict().get("n") or "1").lower()
    times = 0.5 if number.startswith("half") else 0.25 if number == "quarter" else 1.0
    return (float(number) if number.isdigit() else times) * next(
        seconds for unit, seconds in SECONDS.items() if unit[0] == match["size"][0].lower()
    )


@cache
def _factors() -> re.Pattern[str]:
    """A factor's pattern: "at least 5 times as many", "more than twice", "tenfold", "by what factor"."""
    signs, words = (
        "|".join(re.escape(one) for one in sorted(said, key=len, reverse=True))
        for said in (lexicon().signs, lexicon().times)
    )
    n = rf"(?<![0-9.,])[1-9][0-9]{{0,5}}(?:\.[0-9]+)?|{'|'.join(NUMBERS)}"
    than = r"as (?:many|much|high|often|bad|large|long)|more(?: often)?|higher|greater|larger|worse"
    than += "|the|that of|that|what it was"
    among = rf"{than}|p[0-9]+|median|average|mean"
    return re.compile(
        rf"\b(?:(?P<sign>{signs})[ ]+)?(?:by )?(?:(?:a )?factor (?:of )?(?P<of>{n})\b"
        rf"|(?P<n>{n})(?:[ ]times(?= (?:{among})\b)|[ ]?x|[- ]?fold)\b|(?P<word>{words})\b)"
        rf"(?:[ ](?:{than})\b)?",
        re.IGNORECASE,
    )


@cache
def _bounds() -> re.Pattern[str]:
    """A bound's pattern: "at least 100", "over 5 %", "> 2 s"."""
    either = "|".join(re.escape(sign) for sign in sorted(lexicon().signs, key=len, reverse=True))
    return re.compile(rf"(?<![\w<>=])(?P<sign>{either})[ ]*{_FIGURE}(?![:.]?[0-9]|-[0-9]){_UNIT}", re.IGNORECASE)


def repaired(text: str, vocabulary: Vocabulary) -> tuple[str, list[str]]:
    """A question with spelling repaired, and a caveat for each repair.

    Unknown words are repaired that are at edit distance 1 from words of one meaning only.
    """
    said: list[str] = []

    def spelled(match: re.Match[str]) -> str:
        word = match[0]
        if vocabulary.knows(word) or stem(word.lower()) in _stems():
            return word
        words = [known for known in lexicon().near(word) if not _silences(word, known)]
        near: dict[object, str] = {_meaning(known): known for known in reversed(words)}
        near |= {name: name for name in vocabulary.misspelt(word) if name not in words}
        if len(near) != 1:
            return word
        (other,) = near.values()
        said.append(f"“{word}” was read as “{other}”.")
        return other

    return re.sub(r"(?<![\w./-])[A-Za-z]{3,}(?![\w/-]|[.'\u2019]\w)", spelled, text), said


def _silences(word: str, known: str) -> bool:
    """Whether a repair would turn a word into a filler ("would" into "could"), unless two letters were swapped."""
    found = lexicon().longest([known])
    swapped = sorted(word.lower()) == sorted(known)
    return found is not None and found[1].kind == "filler" and not swapped and not lexicon().in_a_phrase(known)


def _meaning(word: str) -> object:
    found = lexicon().longest([word])
    return found[1] if found else stem(word)


@cache
def _stems() -> frozenset[str]:
    return frozenset(map(stem, lexicon().words))


def read(text: str, taken: list[tuple[int, int]], figures: list[Token], vocabulary: Vocabulary) -> TokenizedQuestion:
    """A question's tokens. `taken`: spans already read as times and places; `figures`: from figures_in."""
    reading = TokenizedQuestion(text)
    spans = [*taken, *((one.start, one.end) for one in figures)]
    names = vocabulary.find(text, spans)
    tokens = [*figures, *(Token(n.start, n.end, "value", n.column, 0.0, n.value, n.also) for n in names)]
    rest = hidden(text, [*spans, *((one.start, one.end) for one in names)])
    codes = CODE.finditer(rest)
    tokens += [Token(*match.span(), "condition", f"answered_{match['code']}", text=match[0]) for match in codes]
    rest = hidden(rest, [(one.start, one.end) for one in tokens])
    digits = _DIGITS.finditer(rest)
    tokens += [Token(*match.span(), "figure", match[0], float(match[0]), match[0]) for match in digits]
    rest = hidden(rest, [(one.start, one.end) for one in tokens])
    tokens += _words(rest, reading, vocabulary)
    for match in re.finditer(r"[,;/&+]", rest):
        if not any(one.start <= match.start() < one.end for one in tokens):
            tokens.append(Token(*match.span(), "word", "slash" if match[0] == "/" else "and", text=match[0]))
    reading.tokens = sorted((one for one in tokens if one.kind != "filler"), key=lambda one: one.start)
    return reading


def _words(rest: str, reading: TokenizedQuestion, vocabulary: Vocabulary) -> list[Token]:
    """The tokens of the lexicon's phrases, the longest first; unknown words are added to `reading`."""
    found = [(match.start(), _bare(match[0])) for match in WORD.finditer(rest) if _is_word(match)]
    words = [(start, word) for start, word in found if word]
    tokens: list[Token] = []
    while words:
        start = words[0][0]
        read_as = lexicon().longest(_reach(rest, words))
        if read_as is None and (split := _parted(words[0])):
            words[:1] = split
            continue
        if read_as is None and not _BEFORE_A_TIME.match(rest, start):
            reading.unknown.append(_not_known(words[0], rest, vocabulary))
        length, meaning = read_as or (1, Meaning("filler", ""))
        end = words[length - 1][0] + len(words[length - 1][1])
        amount = float(meaning.value) if meaning.kind == "figure" else 0.0
        tokens.append(Token(start, end, meaning.kind, meaning.value, amount, rest[start:end]))
        del words[:length]
    return tokens


def _is_word(match: re.Match[str]) -> bool:
    """Whether a match is a word: not blanked, a mark, or the "s" of "billing.gateway's"."""
    ending = match[0].lower() == "s" and match.string[match.start() - 1 : match.start()] in ("'", "\u2019")
    return "#" not in match[0] and match[0] not in ("=", ":") and not ending


def _reach(rest: str, words: list[tuple[int, str]]) -> list[str]:
    """The next words that may be one phrase: up to punctuation or a blanked span."""
    reach = [words[0][1]]
    for (start, word), (following, after) in pairwise(words[:LONGEST]):
        if rest[start + len(word) : following].strip(" -'\u2019"):
            break
        reach.append(after)
    return reach


def _parted(word: tuple[int, str]) -> list[tuple[int, str]]:
    """The parts of a compound ("error-rate"), if each is known; else empty."""
    start, text = word
    places = [(start + match.start(), match[0]) for match in re.finditer(r"[^-.]+", text)]
    return places if len(places) > 1 and all(lexicon().longest([part]) for _, part in places) else []


def _bare(word: str) -> str:
    word = word.rstrip(".-'\u2019")
    return re.sub(r"['\u2019]s$", "", word) if word.lower() not in ("let's", "what's", "it's") else word


def _not_known(word: tuple[int, str], rest: str, vocabulary: Vocabulary) -> Unknown:
    start, text = word
    noun = _noun_of(text, start, rest)
    named = noun or _SHAPED.fullmatch(text)
    near = vocabulary.near(text, noun) if named else (*vocabulary.misspelt(text), *lexicon().near(text))
    return Unknown(text, thing(noun) if noun else "", tuple(dict.fromkeys(near))[:5])


def _noun_of(word: str, start: int, rest: str) -> str:
    """The column whose noun stands before a word ("version 9.9.9") or after it ("the mars region"); else empty."""
    before = WORD.findall(rest[:start])[-1:]
    after = WORD.findall(rest[start + len(word) :])[:1]
    for words in (before, after):
        found = lexicon().longest(words) if words else None
        if found and found[1].kind == "thing" and (words is before or not found[1].value.endswith("_id")):
            return found[1].value
    return ""
