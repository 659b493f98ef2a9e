"""What is said of a time by the words around it, and the rules by which that gives it a role."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.words import ALL, Words

_STAMP = re.compile(r"[0-9]{1,4}[:/.-][0-9](?:[0-9:./TZ+-]|,(?=[0-9]))*|\b[0-9]{1,2}h(?:[0-9]{2})?\b|\([^()\n]{0,80}\)")
_EMPTY = (
    "filler",
    "prepositions",
    "start",
    "since",
    "done",
    "half_done",
    "lasting",
)  # kinds of words that name no subject
_LONGEST = 90  # characters between a verb and its time
_LABEL = re.compile(
    r"(?:^|[\n|,;{(\[>]|[*`]{1,3}[ ]?|-[ ]|[ ]{2}|[.!?:][ ])[ \t]{0,8}[\"'*_`]{0,3}"
    r"(?P<label>[^\W\d_][\w'/ -]{1,40}?)(?:[ ]?\((?:UTC|utc)\))?"
    r"[\"'*_`]{0,3}[ \t]{0,4}(?:[:=|]|=>|->)[ \t\"'*_`|~]{0,40}$"
)
_INLINE = re.compile(
    r"[\s,;{(][\"']?(?:(?P<label>[A-Za-z]{1,20}_[A-Za-z_]{2,30})[\"']?[:=]|(?P<word>[A-Za-z]{2,30})[\"']?=)[\"'\s]{0,3}$"
)
_PIPED = re.compile(r"\|[ ]*(?P<label>[^\W\d_][\w ]{2,30}?)[ ]+$")


@dataclass(frozen=True, slots=True)
class Place:
    """A mention among its words: its sentence before and after it, and the words since the mention before it."""

    words: Words
    mention: TimeMention
    label: str
    head: str
    before: str
    after: str
    following: str
    """`after`, up to the next mention."""
    chat: bool

    @property
    def filler(self) -> re.Pattern[str]:
        """What says nothing: small words, names of the telemetry, signs."""
        return self.words.made(
            "filler",
            rf"(?:[\W§0-9]|\b{self.words.one_of(*_EMPTY)}(?!\w))*",
        )

    @property
    def heads(self) -> bool:
        """Does the time stand at the head of its sentence, or of a part of it?"""
        pattern = self.words.made("heads", rf"[\W_]*(?:{self.words.one_of('prepositions')}(?!\w)[\s~]*){{0,2}}")
        return bool(pattern.fullmatch(self.clauses(self.before)[0]))

    def clauses(self, text: str) -> list[str]:
        """A text's clauses without times and what stands in brackets, the last first."""
        apart = self.words.made("clauses", rf"[,;:()|\u2013—]| - |\b{self.words.one_of('clause')}(?!\w)")
        return apart.split(_STAMP.sub(" ", text))[::-1]

    def clause(self, text: str) -> str:
        """The last clause of a text that has a word in it: what a verb behind the text is said of."""
        return next((piece for piece in self.clauses(text) if not self.filler.fullmatch(piece)), "")

    def is_direct(self, gap: str) -> bool:
        """Is nothing but "at", "around" and the like between a word and its time?"""
        pattern = self.words.made("direct", rf"(?:[\s.:,(=~@*_\"'§-]|\b{self.words.one_of('prepositions')}(?!\w))*")
        return bool(pattern.fullmatch(gap))

    def leads_to(self, gap: str) -> bool:
        """May the words between a verb and a time stand there: "failing requests at", not "the rollback, which"?"""
        if self.is_direct(self.words["failing hint served object"].sub(" ", gap)) or gap.endswith("("):
            return True
        if len(gap) > 80 or self.words["joins"].search(gap):
            return False
        last = re.split(r"[,:(\u2013—]", gap)[-1]
        if last != gap and not self.is_direct(last):
            return False
        day = self.mention.day
        worded = self.mention.back is not None or bool(self.mention.problem)
        preposed = self.words.made("preposed", rf"\b{self.words.one_of('preposed')}[\s~@:]*$")
        return worded or bool(day and not day.dates and not day.month_day) or bool(preposed.search(gap))

    def is_level(self, gap: str) -> bool:
        """Is nothing but a level between a verb and its time: "dropped to 92 % at"?"""
        level = self.words.one_of("level", "prepositions")
        pattern = rf"(?:[\s,~(:=@*_§)-]|\bin\b|\b{level}(?!\w)|(?<![0-9.,])[0-9][0-9.,]{{0,12}}(?![0-9.,])[ ]?[%x]?)*"
        return len(gap) <= _LONGEST and bool(self.words.made("level", pattern).fullmatch(gap))

    def to_now(self) -> re.Match[str] | None:
        """ "14:00 - now"."""
        to, now = self.words.one_of("to"), self.words.one_of("to_now")
        return self.words.made("to now", rf"[ ]{{0,3}}(?:-{{1,2}}|\u2013|—|{to}|->|→)[ ]{{0,3}}{now}(?!\w)").match(
            self.following
        )

    def of_a_thing(self) -> bool:
        """Is the time some other thing's: "the 06:00 deploy"?"""
        return bool(self.words.made("noun after", rf"[ ]{self.words.one_of('noun_after')}\b").match(self.after))


class Side(Enum):
    """Where a rule's words stand."""

    BEFORE = "before the time"
    AFTER = "after it"


@dataclass(frozen=True, slots=True)
class RoleWords:
    """Words of some kind beside a time, said of `clause`. `gap` is between them and a time that follows."""

    place: Place
    role_word: re.Match[str]
    head: str
    gap: str = ""
    rest: str = ""
    adjacent: bool = False
    """After the time: they follow it at once, in the middle of a clause."""

    @property
    def clause(self) -> str:
        """What the words are said of."""
        return self.place.clause(self.head)

    def has(self, kinds: str, text: str) -> bool:
        """Does a text have words of these kinds?"""
        return bool(self.place.words[kinds].search(text))

    def is_not(self, text: str) -> bool:
        """Does a text end with a negation?"""
        pattern = self.place.words.made("not", rf"\b{self.place.words.one_of('not')}\W*(?:\w+\W+)?$")
        return bool(pattern.search(text[-40:]))

    def ends_failing(self, clause: str) -> bool:
        """Is the last that a clause names what fails: "the deploy errors"?"""
        words = self.place.words
        fails, tail = words.one_of("failing", "hint"), words.one_of("failing_tail")
        pattern = rf"\b{fails}(?:[ ]{tail})*(?:[\W§]|\b(?:in|on|of|for)\b)*$"
        return bool(words.made("ends failing", pattern).search(clause))

    def stands_alone(self) -> bool:
        """ "15:10 now"."""
        return self.adjacent and not self.head.strip(" ,") and bool(re.match(r"\s*(?:[,.;!)?]|$)", self.rest))

    def stands_ahead(self) -> bool:
        """ "08:15: outage reported"."""
        return not self.adjacent

    def names_nothing(self) -> bool:
        """ "14:01 - first 503s"."""
        return not self.clause

    def is_all(self) -> bool:
        """ "14:00 errors."."""
        return bool(self.place.filler.fullmatch(self.place.words["failing event"].sub(" ", self.place.following)))

    def may_begin(self) -> bool:
        """Of "since": is it no good state; and alone ("yes, since 06:30") or of what fails?"""
        if not self.place.words["since"].fullmatch(self.role_word[0]):
            return True
        if self.clause:
            over = self.has("done half_done", f"{self.head[-25:]}{self.role_word[0]}") and not self.is_not(self.head)
            return not (over or self.has("fine", self.clause))
        following = self.place.following
        said = self.place.filler.fullmatch(following) or self.has("failing hint served symptom", following)
        return bool(said) and not self.has("elsewhere handling", following)

    def runs_on(self) -> bool:
        """ "errors from 14:00 onwards"; or "failing from 14:00"."""
        onwards = self.place.words.made("onwards", rf"[ ,]*{self.place.words.one_of('onwards')}(?!\w)")
        return not self.gap.strip(" ~") and bool(onwards.match(self.place.after) or self.ends_failing(self.clause))

    def goes_badly(self) -> bool:
        """Of "until": is what lasted not good?"""
        return not self.has("fine", self.clause) and not self.has("fine", self.place.following[:60])

    def was_fine(self) -> bool:
        """ "it was fine until 13:40": then it began."""
        return self.has("fine", self.clause) and not self.has("elsewhere planned", self.clause)

    def is_watched(self) -> bool:
        """ "we had watched it until 15:00", "bis 15:00 beobachtet"."""
        return self.has("watched", self.place.following[:60])

    def worsens(self) -> bool:
        """Is it the service that broke, what is good that fell, or what is bad that rose?"""
        words, verb, subject, rest = self.place.words, self.role_word[0], self.clause, self.gap or self.rest[:60]
        taken = words.made("object", rf"\s*{words.one_of('object')}(?!\w)").match(rest)
        people = words.made(
            "people", rf"\b{words.one_of('people')}(?:'ve|'d| have| had| just| also| accidentally)?\W*$"
        )
        if self.has("elsewhere handling planned", words["fine"].sub(" ", subject)) or self.is_not(subject) or taken:
            return False
        good, bad = self.has("good", subject), self.has("bad", subject)
        if words["rise"].fullmatch(verb):
            return bad and not good
        if self.has("component", subject) or people.search(subject):
            return False
        if words["break"].fullmatch(verb):
            return good or not (bad and words["fall"].fullmatch(verb))
        bare = bool(self.place.filler.fullmatch(words["served hint"].sub(" ", subject)))
        return (good and not bad) or (bare and "%" in rest)


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Words of these kinds on this side of a time give it this role, with this rank, where the guard holds.

    The guard: only what `gap` allows is between them and the time; what they are said of has no words of the kinds
    `never`, and some of the kinds `about` where it names anything (`strictly`: it must); a negation before them is as
    `negated` says, if it says; and `also` holds. Nothing counts that is past or planned.
    """

    kinds: str
    side: Side
    role: str
    rank: int
    gap: Callable[[Place, str], bool] = Place.leads_to
    about: str = ""
    never: str = ""
    strictly: bool = False
    negated: bool | None = None
    also: Callable[[RoleWords], bool] = lambda _: True

    def gives(self, place: Place) -> bool:
        """Whether a time has the rule's role."""
        before = self.side is Side.BEFORE
        said = said_before(place, self.kinds) if before else said_after(place, self.kinds)
        if said is None or (before and not self.gap(place, said.gap)) or not self.also(said):
            return False
        clause = said.clause
        around = place.following if not before else place.before if self.role == "starts" else said.head
        if said.has("past", around) or said.has("planned", clause if before else around):
            return False
        if self.negated is not None and said.is_not(said.head) is not self.negated:
            return False
        if self.about and said.ends_failing(clause):
            return True
        told = f"{clause} {said.gap}{said.rest}" if self.role == "starts" else clause
        if self.never and said.has(self.never, told):
            return False
        free = not self.about or (not self.strictly and (not clause or "§" in clause))
        return free or said.has(self.about, told)


def said_before(place: Place, kinds: str) -> RoleWords | None:
    """The last words of some kinds before a time."""
    role_word = None
    for match in place.words[kinds].finditer(place.before):
        role_word = match
    if role_word is None or place.of_a_thing():
        return None
    head = place.head[: len(place.head) - len(place.before) + role_word.start()]
    return RoleWords(place, role_word, head, gap=place.before[role_word.end() :])


def said_after(place: Place, kinds: str) -> RoleWords | None:
    """The first words of some kinds after a time that stands at the head of a sentence, or that they follow at once."""
    role_word = place.words[kinds].search(place.following[:160])
    if role_word is None:
        return None
    between = place.following[: role_word.start()]
    rest = place.following[role_word.end() :][:80]
    if place.following != place.after and place.is_direct(rest) and not re.match(r"\s*[,;]", rest):
        return None  # "13:50 deploy, errors start 14:00": said of the next time
    if place.chat:  # a message's time is when it was said; of what is over, that is when
        over = kinds in ("done", "half_done") and "?" not in rest and re.search(r"[:>]\s*$", between)
        return RoleWords(place, role_word, "", rest=rest) if over else None
    if place.heads:
        return RoleWords(place, role_word, between, rest=rest)
    if (
        len(between) <= 24 and place.filler.fullmatch(between) and not re.search(r"[,;:.!?]", between)
    ):  # "was at 14:00 resolved", as in German
        return RoleWords(place, role_word, place.head, rest=rest, adjacent=True)
    return None


def label_before(text: str, line: int, start: int) -> str:
    """The label that a time stands behind ("end_time", "incident start"), in lower case; or nothing."""
    before = text[max(line, start - 110) : start]
    match = _LABEL.search(before) or _INLINE.search(before) or _PIPED.search(before)
    if not match:
        return ""
    raw = (match["label"] or match.groupdict().get("word") or "").strip()
    if ALL.labels("window_start").fullmatch(raw) or ALL.labels("window_end").fullmatch(raw):
        return raw.lower()
    return " ".join(re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", raw).lower()))
