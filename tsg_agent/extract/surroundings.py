"""The words around a time: its label, its clause, what stands before and after it, and those that tell its role."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsg_agent.extract.spotting import TimeMention
from tsg_agent.extract.text import Prose
from tsg_agent.extract.words import Words

_LABEL = re.compile(
    r"(?:^|[\n|,;{(\[>]|[*`]{1,3}[ ]?|-[ ]|[ ]{2}|[.!?:][ ])[ \t]{0,8}[\"'*_`]{0,3}"
    r"(?P<label>[^\W\d_][\w'/ -]{1,40}?)(?:[ ]?\((?:UTC|utc)\))?"
    r"[\"'*_`]{0,3}[ \t]{0,4}(?:[:=|]|=>|->)[ \t\"'*_`|~]{0,40}$"
    r"|[\s,;{(][\"']?(?:(?P<field>[A-Za-z]{1,20}_[A-Za-z_]{2,30})[\"']?[:=]|(?P<word>[A-Za-z][A-Za-z0-9]{1,29})[\"']?=)[\"'\s]{0,3}$"
    r"|\|[ ]*(?P<cell>[^\W\d_][\w ]{2,30}?)[ ]+$"
)
_CHAT = re.compile(
    r"[^\w\n]{0,3}(?:\w{2,5}\W{1,3})?(?:<[^>\n]{1,40}>|@?[\w.'-]{1,30}(?:[ ][A-Z][\w.'-]{0,30})?[ ]?:)\s"
)
_SIDE = 300  # characters of a sentence that are read on each side
_TO = r"[ ]{0,3}(?:-{1,2}|\u2013|—|{%s}|->|→|/|\.{2,3})[ ]{0,3}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A time with the text around it, at most its sentence.

    `label`: what the time stands behind ("end_time", "incident start"), in lower case. `before` is `head` from the
    previous time on, `following` is `after` up to the next time. `chat`: it stands at the head of a chat message.
    """

    words: Words
    mention: TimeMention
    label: str
    head: str
    before: str
    after: str
    following: str
    chat: bool

    def has(self, kinds: str, text: str) -> bool:
        """Whether a text has words of one of these kinds."""
        return bool(self.words[kinds].search(text))

    def says_nothing(self, text: str) -> bool:
        """Whether a text consists of small words, masked names, digits and punctuation only."""
        empty = r"(?:[\W§0-9]|\b{filler prepositions start since done half_done lasting}(?!\w))*"
        return bool(self.words.like(empty).fullmatch(text))

    def clauses(self, text: str) -> list[str]:
        """The clauses of a text, the last first, without times and brackets."""
        apart = self.words.like(r"[,:](?![0-9])|[;()|\u2013—]| - |\b{clause}(?!\w)")
        return apart.split(re.sub(r"\([^()\n]{0,80}\)", " ", text))[::-1]

    def clause(self, text: str) -> str:
        """The last clause of a text that says something: the subject of a verb behind the text."""
        return next((piece for piece in self.clauses(text) if not self.says_nothing(piece)), "")

    def is_direct(self, gap: str) -> bool:
        """Whether only prepositions stand between a word and its time."""
        return bool(self.words.like(r"(?:[\s.:,(=~@*_\"'§-]|\b{prepositions}(?!\w))*").fullmatch(gap))

    def leads_to(self, gap: str) -> bool:
        """Whether the words between a verb and its time join them: "failing requests at", not "the rollback, which"."""
        words = self.words
        if self.is_direct(words["failing hint served object source"].sub(" ", gap)):
            return True
        *apart, last = re.split(r"[,:(\u2013—]", gap)
        if words["joins"].search(gap) or (apart and not self.is_direct(last)):
            return False
        # "started maybe 20 minutes ago"
        return self.mention.back is not None or bool(words.like(r"\b{prepositions}[\s~@:]*$").search(gap))

    def ends_failing(self, clause: str) -> bool:
        """Whether a clause ends with what fails: "the deploy errors", "errors 8.3 %"."""
        return bool(self.words.like(r"\b{failing hint}[\W0-9]*$").search(clause))

    def opening(self) -> re.Match[str] | None:
        """The "from" or "between" before a range's first time."""
        opens = r"\b(?:(?P<between>{between})|{from})[\s~]*(?:{about} )?(?:{prepositions} )?$"
        return self.words.like(opens).search(self.before)

    def begin(self, lead: re.Match[str] | None) -> int:
        """Where in the text an expression begins: at its `lead` in `before`, if it has one, else at its time."""
        return self.mention.start - (len(self.before) - lead.start() if lead else 0)

    def ranges_over(self, gap: str) -> bool:
        """Whether the text between two times joins them to a range; "and" does only after "between" or "from"."""
        pair = self.words.like(rf",?{_TO % 'to range_and'}(?:{{about}} |~)?").fullmatch(gap)
        return bool(pair and (self.opening() or not self.words.like("{range_and}").search(gap)))

    def until_now(self) -> re.Match[str] | None:
        """The "- now" after the time."""
        return self.words.like(rf"{_TO % 'to'}{{to_now}}(?!\w)").match(self.following)


@dataclass(frozen=True, slots=True)
class Cue:
    """Words of some kind beside a time, and the clause that they belong to.

    `after`: they stand after the time. `gap`: what follows them, up to a time that is behind them.
    """

    around: Surroundings
    word: str
    subject: str
    head: str
    gap: str
    after: bool = False

    def has(self, kinds: str, *, near: bool = False) -> bool:
        """Whether the subject, or with `near` also what follows the time, has words of one of these kinds."""
        return self.around.has(kinds, self.subject + (self.around.following[:60] if near else ""))

    def is_so(self) -> bool:
        """Whether the words are not negated: "resolved", but not "not resolved"."""
        return not self.around.words.like(r"\b{not}\W*(?:\w+\W+)?$").search(self.head[-40:])

    def is_bare(self) -> bool:
        """Whether the time stands before a failure and no more ("14:00 errors"), or is counted back from now."""
        around = self.around
        if around.mention.back is not None:  # "down 35 minutes ago"
            return not around.has("fall done over", self.gap)
        return self.after and around.says_nothing(around.words["failing event"].sub(" ", around.following))

    def may_begin(self) -> bool:
        """False for a "since" that follows a good state: "fine since", "resolved since", "not failing since"."""
        around = self.around
        if not around.words["since"].fullmatch(self.word):
            return True
        over = self.has("fine") or around.has("done half_done", f"{self.head[-25:]}{self.word}")
        return not (over or around.words.like(r"\b{not}[ ](?:longer[ ])?{failing}[ ]*$").search(self.head))

    def worsens(self) -> bool:
        """Whether the service broke, a good measure fell, or a bad one rose."""
        words, bad = self.around.words, self.has("bad")
        if words.like(r"\s*{object}(?!\w)").match(self.gap) or not self.is_so():
            return False  # "we dropped the table"
        if words["rise"].fullmatch(self.word):
            return bad and not self.has("good")
        return self.has("good") or not (bad or self.has("component people"))


def cues(around: Surroundings, kinds: str) -> Iterator[Cue]:
    """The last words of some kinds before a time, and the first after it, where they belong to it."""
    last = next(reversed(list(around.words[kinds].finditer(around.before))), None)
    if last and around.leads_to(gap := around.before[last.end() :]):
        head = around.head[: len(around.head) - len(around.before) + last.start()]
        yield Cue(around, last[0], around.clause(head), head, gap)
    first = around.words[kinds].search(around.following[:160])
    if first is None:
        return
    between, rest = around.following[: first.start()], around.following[first.end() :][:80]
    if around.following != around.after and around.is_direct(rest) and not re.match(r"\s*[,;]", rest):
        return  # "13:50 deploy, errors start 14:00": said of the next time
    if around.chat and (kinds not in ("done", "half_done") or "?" in rest):
        return  # a message's time is when it was written; if it says that all is over, it is the end
    if around.is_direct(around.clauses(around.before)[0]):  # it stands first in its clause
        head = between
    elif around.says_nothing(between) and not re.search(r"[,;:.!?]", between):  # "at 14:00 resolved"
        head = around.head
    else:
        return
    yield Cue(around, first[0], around.clause(head), head, rest, after=True)


def surroundings(prose: Prose, mentions: Sequence[TimeMention], index: int, words: Words) -> Surroundings:
    """The words around the mention at an index."""
    mention, text = mentions[index], prose.masked
    begin, end = prose.sentence(mention.start, mention.end)
    line = prose.line(mention.start)[0]
    if begin > line and not re.search(r"\w", text[begin : mention.start] + text[mention.end : end]):
        begin = max(line, prose.sentence(begin - 1)[0])  # "Resolved - all is well. Mar 10, 15:05 UTC"
    begin, end = max(begin, mention.start - _SIDE), min(end, mention.end + _SIDE)
    floor = max(begin, mentions[index - 1].end) if index else begin
    chat = bool(_CHAT.match(prose.text, mention.end))
    if chat:  # the message itself is the sentence behind who says it
        end = min(prose.sentence(end)[1], mention.end + _SIDE)
    ceiling = min(end, mentions[index + 1].start) if index + 1 < len(mentions) else end
    labelled = _LABEL.search(prose.text[max(line, mention.start - 110) : mention.start])
    label = next(filter(None, labelled.groups())) if labelled else ""
    return Surroundings(
        words=words,
        mention=mention,
        label=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).strip().lower(),
        head=text[begin : mention.start],
        before=text[floor : mention.start],
        after=text[mention.end : end],
        following=text[mention.end : ceiling],
        chat=chat,
    )
