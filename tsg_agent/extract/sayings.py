"""What is said of a time by the words around it: pure readings of one sentence."""

import re
from dataclasses import dataclass

from tsg_agent.extract.spotting import Mention
from tsg_agent.extract.words import ALL, Words

_STAMP = re.compile(r"[0-9]{1,4}[:/.-][0-9](?:[0-9:./TZ+-]|,(?=[0-9]))*|\b[0-9]{1,2}h(?:[0-9]{2})?\b|\([^()\n]{0,80}\)")
_EMPTY = ("filler", "prepositions", "start", "since", "done", "half_done")  # kinds of words that name no subject
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
    mention: Mention
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
        return bool(pattern.fullmatch(re.split(r"[,:;(]", self.before)[-1]))

    def clause(self, text: str) -> str:
        """The last clause of a text that has a word in it: what a verb behind the text is said of."""
        apart = self.words.made("clauses", rf"[,;:()|\u2013—]|\b{self.words.one_of('clause')}(?!\w)")
        for piece in reversed(apart.split(_STAMP.sub(" ", text))):
            if not self.filler.fullmatch(piece):
                return piece
        return ""

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

    def to_now(self) -> re.Match[str] | None:
        """ "14:00 - now"."""
        to, now = self.words.one_of("to"), self.words.one_of("to_now")
        return self.words.made("to now", rf"[ ]{{0,3}}(?:-{{1,2}}|\u2013|—|{to}|->|→)[ ]{{0,3}}{now}(?!\w)").match(
            self.following
        )

    def of_a_thing(self) -> bool:
        """Is the time some other thing's: "the 06:00 deploy"?"""
        return bool(self.words.made("noun after", rf"[ ]{self.words.one_of('noun_after')}\b").match(self.after))


@dataclass(frozen=True, slots=True)
class Said:
    """Words of some kind beside a time. `gap` is between them and a time that follows; `rest` follows them."""

    place: Place
    cue: re.Match[str]
    gap: str
    head: str
    rest: str
    adjacent: bool = False
    """After the time: they follow it at once, in the middle of a clause."""

    def has(self, kinds: str, text: str) -> bool:
        """Does a text have words of these kinds?"""
        return bool(self.place.words[kinds].search(text))

    @property
    def clause(self) -> str:
        """What the words are said of."""
        return self.place.clause(self.head)

    def _ends_failing(self, clause: str) -> bool:
        words = self.place.words
        fails, tail = words.one_of("failing", "hint"), words.one_of("failing_tail")
        return bool(
            words.made("ends failing", rf"\b{fails}(?:[ ]{tail})*(?:[\W§]|\b(?:in|on|of|for)\b)*$").search(clause)
        )

    def _not(self, text: str) -> bool:
        return bool(
            self.place.words.made("not", rf"\b{self.place.words.one_of('not')}\W*(?:\w+\W+)?$").search(text[-40:])
        )

    def _about_incident(self, clause: str) -> bool:
        """Is a clause about the incident, and not about a deployment or a meeting?"""
        if not clause or self._ends_failing(clause):
            return True
        about = self.has("failing hint served event", clause) or "§" in clause
        return about and not self.has("elsewhere handling", clause)

    def is_now(self) -> bool:
        """ "now 15:10", "it is 15:10", "observed until 15:10"."""
        return self.place.is_direct(self.gap) and not self.has("planned", self.clause)

    def is_now_after(self) -> bool:
        """ "15:10 now"."""
        return self.adjacent and not self.head.strip(" ,") and bool(re.match(r"\s*(?:[,.;!)?]|$)", self.rest))

    def begins(self) -> bool:
        """Is it said before the time that the incident began then?"""
        since = bool(self.place.words["since"].fullmatch(self.cue[0]))
        if not self.place.leads_to(self.gap) or self.has("elsewhere handling", self.gap):
            return False
        clause = self.clause
        if self.has("past", self.place.before) or self.has("planned", clause) or (since and self.has("fine", clause)):
            return False
        if self._ends_failing(clause) or self.has("elsewhere handling", clause):
            return self._ends_failing(clause)
        if not clause and since:
            following = self.place.following  # the answer "yes, since 06:30"
            said = self.place.filler.fullmatch(following) or self.has("failing hint served symptom", following)
            return bool(said) and not self.has("elsewhere handling", following)
        # "PetSite: began at", "start time 06:30": no other subject is named
        named = re.search(r":\W*$", self.head) or self.gap.lower().startswith(" time") or since
        noun = self.cue[0].lower() in ("onset", "beginn", "inicio", "début")
        return bool(not clause or named or noun or self.has("failing hint symptom", f"{clause} {self.gap}"))

    def runs_on(self) -> bool:
        """ "errors from 14:00 onwards"; or "failing from 14:00"."""
        if self.gap.strip(" ~"):
            return False
        onwards = self.place.words.made("onwards", rf"[ ,]*{self.place.words.one_of('onwards')}(?!\w)")
        return bool(onwards.match(self.place.after)) or self._ends_failing(
            self.place.clause(self.place.before[: self.cue.start()])
        )

    def begins_after(self) -> bool:
        """ "07:05 - errors begin": a time at the head of a sentence, and what began then."""
        following = self.place.following
        if self.has("past", following) or self.has("planned", following):
            return False
        clause = self.clause
        if self._ends_failing(clause):
            return True
        if self.has("elsewhere handling", clause) or self.has("elsewhere handling", self.rest):
            return False
        return self.has("failing hint", clause) or self.has("failing hint", self.rest) or self.cue[0].lower() == "onset"

    def first_signs(self) -> bool:
        """ "first errors 14:01"."""
        return (
            self.place.is_direct(self.gap)
            and not self.has("past", self.head)
            and not self.has("elsewhere handling", self.clause)
        )

    def first_signs_after(self) -> bool:
        """ "14:01 - first 503s"."""
        said = self.place.following[:160]
        return not (self.clause or self.has("elsewhere handling", said) or self.has("past", said))

    def worsens(self) -> bool:
        """Is it said before the time that things went bad then: "availability dropped to 92 % at"?"""
        words = self.place.words
        level = words.made(
            "level",
            rf"(?:[\s,~(:=@*_-]|\b{words.one_of('level', 'prepositions')}(?!\w)"
            rf"|(?<![0-9.,])[0-9][0-9.,]{{0,12}}(?![0-9.,])[ ]?[%x]?)*",
        )
        if self.has("past", self.place.before) or len(self.gap) > _LONGEST or not level.fullmatch(self.gap):
            return False
        return self._for_the_worse(self.clause, self.gap)

    def worsens_after(self) -> bool:
        """ "14:00 - checkout goes down"."""
        return not self.has("past", self.place.following) and self._for_the_worse(self.clause, self.rest[:60])

    def _for_the_worse(self, subject: str, rest: str) -> bool:
        """Is it the service that broke, what is good that fell, or what is bad that rose?"""
        words, verb = self.place.words, self.cue[0]
        taken = words.made("object", rf"\s*{words.one_of('object')}(?!\w)").match(rest)
        people = words.made(
            "people", rf"\b{words.one_of('people')}(?:'ve|'d| have| had| just| also| accidentally)?\W*$"
        )
        if self.has("elsewhere handling planned", subject) or self._not(subject) or taken:
            return False
        good, bad = self.has("good", subject), self.has("bad", subject)
        if words["rise"].fullmatch(verb):
            return bad and not good
        if self.has("component", subject) or people.search(subject):
            return False
        if words["break"].fullmatch(verb):
            return good or not (bad and words["fall"].fullmatch(verb))
        bare = not subject or bool(re.fullmatch(r"[\W§]*(?:it|this|es|ça)?[\W§]*", subject, re.IGNORECASE))
        return (good and not bad) or (bare and "%" in rest)

    def ended(self) -> bool:
        """Is it said before the time that the incident ended then?"""
        by = re.sub(r"\bby\b.*\b(?=at\b|around\b|about\b)", "", self.gap)
        if not self.place.leads_to(by) or self.has("planned", self.clause) or self.has("past", self.head):
            return False
        return not self._not(self.head) and self._about_incident(self.clause)

    def not_ended(self) -> bool:
        """ "not resolved at 14:00": it went on then."""
        told = self.place.leads_to(self.gap) and self._not(self.head) and not self.has("planned past", self.head)
        return told and not self.has("elsewhere handling", self.clause)

    def lasted_until(self) -> bool:
        """ "failing until 14:00"."""
        clause, following = self.clause, self.place.following[:60]
        if not self.place.is_direct(self.gap) or self.has("planned", clause) or self.has("past", self.head):
            return False
        if self.has("watched", clause) or self.has("watched", following):  # "we watched until 15:00"
            return True
        return not (self.has("fine", clause) or self.has("fine", following)) and self._about_incident(clause)

    def goes_on(self) -> bool:
        """ "still failing at 14:00"."""
        if not self.place.leads_to(self.gap) or self.has("past", self.head):
            return False
        return not self.has("planned elsewhere handling", self.clause)

    def goes_on_after(self) -> bool:
        """ "15:02 - still failing"."""
        return not self.has("past planned elsewhere", self.place.following) and self._about_incident(self.clause)

    def ended_after(self) -> bool:
        """ "08:40: resolved"."""
        if self._not(self.place.following[: self.cue.start()]) or self.has("planned", self.place.following):
            return False
        return self._about_incident(self.clause)

    def reported(self) -> bool:
        """Is the time when the incident was reported?"""
        return (
            self.place.is_direct(self.gap)
            and not self.has("past", self.head)
            and not self.has("elsewhere", self.clause)
        )

    def reported_after(self) -> bool:
        """ "08:15: outage reported"."""
        return not self.adjacent and self.has("failing hint", self.clause) and not self.has("elsewhere", self.clause)

    def declared_after(self) -> bool:
        """ "08:15: Incident declared"."""
        return not self.adjacent and not self.has("elsewhere", self.clause)


def said_before(place: Place, kinds: str) -> Said | None:
    """The last words of some kinds before a time."""
    cue = None
    for match in place.words[kinds].finditer(place.before):
        cue = match
    if cue is None or place.of_a_thing():
        return None
    head = place.head[: len(place.head) - len(place.before) + cue.start()]
    return Said(place, cue, place.before[cue.end() :], head, "")


def said_after(place: Place, kinds: str) -> Said | None:
    """The first words of some kinds after a time that stands at the head of a sentence, or that they follow at once."""
    cue = place.words[kinds].search(place.following[:160])
    if cue is None or place.chat:
        return None
    between = place.following[: cue.start()]
    rest = place.following[cue.end() :][:80]
    if place.heads and place.following == place.after:
        return Said(place, cue, "", between, rest)
    if len(between) <= 24 and place.filler.fullmatch(between):  # "was at 14:00 resolved", as in German
        return Said(place, cue, "", place.head, rest, adjacent=True)
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
