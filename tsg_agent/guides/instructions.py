"""What a step's prose says: which labels mean what, and which step comes next. Pure; English."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from tsg_agent.guides.guide import Edge, Instruction, Resolution

MOVES = (
    r"proceed|continue|go(?:es)?|move|jump|skip|advance|return|start|begin|run|execute|perform|follow|resume|switch|"
    r"turn|repeat|restart|come|finish|conclude"
)
STEP = r"(?:step|stage|phase)"
"""What a heading may call a step."""
STEPS = (
    rf"\b{STEP}s?\s+\d+"
    rf"(?:\s*(?:-|\u2013|\u2014|,|&|\bto\b|\bthrough\b|\buntil\b|\band\b|\bor\b)+\s*(?:{STEP}\s+)?\d+)*"
)
MOVE = re.compile(
    rf"(?:(?:\b(?:{MOVES})\b[^.;]{{0,40}}?|(?:→|->|=>|\bthen\b|^(?-i:[A-Z][A-Z0-9_]+):(?=\s*{STEPS}\W*$)|(?P<bracket>\()|\|(?=\s*{STEPS}\s*\|))\s*)"
    rf"(?P<steps>{STEPS}))"
    rf"|(?:\b(?:{MOVES})\b[^.;]{{0,20}}?(?:to|with|at)\s+the\s+(?P<near>next|following|previous|last|final)\s+{STEP})",
    re.IGNORECASE,
)
VAGUE = re.compile(
    rf"^\W*(?:otherwise,?\s*)?(?:proceed|continue|move on|go on|advance)\b(?!.*\b{STEP}s?\s+\d)", re.IGNORECASE
)
SOONER = re.compile(r"^\W*(?:when|once|after|as soon as)\b", re.IGNORECASE)
"""What a step without labels says of its own end: no case beside others."""
NOT = re.compile(r"\b(?:do not|don't|never|must not|should not|unless|rather than|instead of)\b", re.IGNORECASE)
PARALLEL = re.compile(
    r"\b(?:in parallel|concurrently|simultaneously|at the same time|side by side|at once)\b", re.IGNORECASE
)
OTHERWISE = re.compile(r"^\W*(?:otherwise|else|if not|if none|in all other cases|in any other case)\b", re.IGNORECASE)
ALWAYS = re.compile(
    r"\b(?:in (?:any|either|every|each) case|either way|regardless|whatever (?:was|is) found|always)\b", re.IGNORECASE
)
"""The move belongs to no condition before it."""
CONDITION = re.compile(
    r"^\W*(?:if|when|where|in case|once|for|should|as soon as|on)\b(?P<words>[^,:→]*)", re.IGNORECASE
)
CLAUSE = re.compile(r";\s+|,\s+(?=(?:otherwise|else)\b)|\s+(?=otherwise\b)", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.!?])[*_)\]\"]*\s+(?=[*_(\[\"`]*[A-Z])")
ITEM = re.compile(r"\s*(?:[-*+•]\s|\d+[.)]\s|#{1,6}\s|\||>)")
LABEL = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")
FINAL = re.compile(
    r"\bfinal (?:outcome|step|result|conclusion)\b|\bend of (?:the|this) (?:guide|tsg|runbook)\b", re.IGNORECASE
)
OUTCOMES = (
    (Resolution.FINAL, FINAL),
    (Resolution.DEFINITIVE, re.compile(r"\bdefinitive (?:resolution|outcome|root cause|cause)\b", re.IGNORECASE)),
    (Resolution.POTENTIAL, re.compile(r"\bpotential (?:resolution|outcome|root cause|cause|fix)\b", re.IGNORECASE)),
)
UNNAMED = -1
"""The target of a sentence that says to go on, and not where."""
UNKNOWN = "the condition names none of the labels that the step's queries give"


@dataclass(frozen=True)
class Sentence:
    """One sentence, without Markdown's marks, and its line in the file."""

    text: str
    line: int
    item: int = 0
    """Sentences of one paragraph, or of one item of a list, share it."""
    listed: bool = False
    """It stands in an item of a list, or in a row of a table."""


@dataclass(frozen=True)
class ProseClause(Sentence):
    """A part of a sentence that may lead somewhere by itself. `sentence`: which one it is a part of."""

    sentence: int = 0


def sentences(lines: Iterable[tuple[int, str]]) -> Iterator[Sentence]:
    """The sentences of numbered prose lines; a list item or a table's row begins a new one."""
    paragraph: list[tuple[int, str]] = []
    for number, text in [*lines, (0, "")]:
        if (ITEM.match(text) or not text.strip()) and paragraph:
            yield from _split(paragraph)
            paragraph = []
        if text.strip():
            paragraph.append((number, text))


def outcome_of(text: str) -> Resolution | None:
    """What the sentence calls an outcome."""
    return next((outcome for outcome, pattern in OUTCOMES if pattern.search(text)), None)


def labels_in(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Labels that a sentence names. A beginning counts for all labels that begin so (SLA_BREACH for two tiers').

    A word of capitals that is joined by underscores is a label even where no query gives it.
    """
    found: dict[str, None] = {}
    for match in LABEL.finditer(text):
        word = match.group()
        longer = [label for label in known if label.startswith(f"{word}_")]
        if word in known:
            found[word] = None
        elif longer and ("_" in word or len(longer) == 1 or word in {label.rsplit("_", 1)[0] for label in longer}):
            found.update(dict.fromkeys(longer))
        elif "_" in word and text[max(0, match.start() - 1) : match.start()] not in {"{", "$"}:
            found[word] = None
    return tuple(found)


def instructions(found: Iterable[Sentence], known: Collection[str]) -> Iterator[Instruction]:
    """What is to be done: sentences that name labels, or call something an outcome (of the sentence before)."""
    before: Instruction | None = None
    for sentence in found:
        labels, outcome = labels_in(sentence.text, known), outcome_of(sentence.text)
        if labels:
            if before:
                yield before
            before = Instruction(labels=labels, text=sentence.text.strip("| "), line=sentence.line, resolution=outcome)
        elif outcome and before and before.resolution is None and sentence.line - before.line <= 1:
            before = before.model_copy(update={"resolution": outcome})
        elif outcome:
            if before:
                yield before
            before = Instruction(text=sentence.text, line=sentence.line, resolution=outcome)
    if before:
        yield before


def edges(step: int, found: Iterable[Sentence], known: Collection[str], order: list[int]) -> Iterator[Edge]:
    """Where the prose of a step leads. `order`: the guide's step numbers, as they follow each other.

    A move without a condition of its own is about the labels that its item of a list is about; in a paragraph, about
    those of the "If" before it where an "Otherwise" follows, which needs a counterpart.
    """
    clauses = [
        ProseClause(part, sentence.line, sentence.item, sentence.listed, place)
        for place, sentence in enumerate(found)
        for part in filter(None, CLAUSE.split(sentence.text))
    ]
    said: ProseClause | None = None
    for position, clause in enumerate(clauses):
        if said is None or said.item != clause.item:
            said = None
        own = bool(CONDITION.match(clause.text) or OTHERWISE.match(clause.text))
        moves = list(MOVE.finditer(clause.text))
        if not moves and not VAGUE.match(clause.text):
            if own or (clause.listed and _heads(clause.text, known)):
                said = clause
            continue
        answered = any(OTHERWISE.match(later.text) for later in clauses[position + 1 :])
        about = said if said is not None and not own and not ALWAYS.search(clause.text) else None
        if about is not None and not about.listed and not answered and about.sentence != clause.sentence:
            yield from _edges_of(step, clause, moves, known, order, doubt="it may belong to the condition before it")
            continue
        yield from _edges_of(step, clause, moves, known, order, about=about.text if about else "")


def _heads(text: str, known: Collection[str]) -> tuple[str, ...]:
    """The labels that an item of a list begins with: "LAGGING: …", "LAGGING or STOPPED - …", "| LAGGING | …"."""
    match = re.match(r"^[\W_]*((?:[A-Z][A-Z0-9_]*\W+(?:or\s+|and\s+|,\s*)*)+)", f"{text} ")
    return tuple(label for label in labels_in(match[1], known) if label in known) if match else ()


def _edges_of(
    step: int,
    clause: Sentence,
    moves: list[re.Match[str]],
    known: Collection[str],
    order: list[int],
    *,
    about: str = "",
    doubt: str = "",
) -> Iterator[Edge]:
    """The edges of one clause. `about`: a clause before it that says when it holds."""
    text = f"{about} {clause.text}".strip()
    otherwise = bool(OTHERWISE.match(text))
    said = None if otherwise else CONDITION.match(text)
    head = f"{about} {clause.text[: max(moves[0].start('steps'), moves[0].start())] if moves else clause.text}"
    conditional = said or about or clause.listed
    labels = tuple(one for one in labels_in(head, known) if one in known) if conditional and not otherwise else ()
    after = not known and SOONER.match(text)
    condition = " ".join(said["words"].split()) if said and not labels and not after else ""
    doubt = doubt or ("it says what not to do" if NOT.search(clause.text) else UNKNOWN if condition else "")
    if any(move["bracket"] for move in moves):
        doubt = doubt or "it names the step in brackets: read as where it leads"
    targets = [number for move in moves for number in _targets(move, step, order)]
    if not moves:
        targets, doubt = [UNNAMED], "it names no step"
    parallel = bool(PARALLEL.search(clause.text))
    if len(set(targets)) > 1 and not parallel:
        doubt = doubt or "several steps, and no word on whether they run side by side: read as if they do"
    for target in dict.fromkeys(targets):
        yield Edge(
            source=step,
            target=target,
            labels=labels,
            otherwise=otherwise,
            condition=condition,
            parallel=parallel,
            text=text,
            line=clause.line,
            doubt=doubt,
        )


def _targets(move: re.Match[str], step: int, order: list[int]) -> list[int]:
    """The steps that a move names: a range means all that lie in it."""
    if move["near"]:
        word = move["near"].lower()
        later = [number for number in order if number > step]
        earlier = [number for number in order if number < step]
        return {"previous": earlier[-1:], "last": order[-1:], "final": order[-1:]}.get(word, later[:1])
    numbers: list[int] = []
    for part in re.finditer(
        r"(\d{1,6})(?:\s*(?:-|\u2013|\u2014|\bto\b|\bthrough\b|\buntil\b)\s*(?:(?:step|stage|phase)\s+)?(\d{1,6}))?",
        move["steps"],
        re.IGNORECASE,
    ):
        first, last = int(part[1]), int(part[2] or part[1])
        between = [number for number in order if first <= number <= last]
        numbers += between or [first, last][: 1 if first == last else 2]
    return numbers


def _split(paragraph: list[tuple[int, str]]) -> Iterator[Sentence]:
    """A paragraph's sentences."""
    text, starts = "", list[tuple[int, int]]()
    for number, line in paragraph:
        starts.append((len(text), number))
        text += line.strip() + " "
    listed = bool(ITEM.match(paragraph[0][1]))
    begin = 0
    for end in [*(match.end() for match in SENTENCE.finditer(text)), len(text)]:
        plain = _plain(text[begin:end])
        if plain:
            at = next(number for start, number in reversed(starts) if start <= begin)
            yield Sentence(plain, at, paragraph[0][0], listed)
        begin = end


def _plain(text: str) -> str:
    """Without emphasis, list marks and headings' marks."""
    text = re.sub(r"^\s*(?:#{1,6}\s+|[-*+•>]\s+|\d+[.)]\s+)", "", text)
    return " ".join(re.sub(r"\*\*|__(?=\W|$)|(?<!\w)__|`|(?<!\w)[*](?=\w)|(?<=\w)[*](?!\w)", "", text).split())
