"""False accept and false reject rates of the prose check, by kind of mutation.

`python -m benchmarks mutations`. Originals: the accepted sentences of the conversations and investigations in
`tests/recordings/by-hand`, and those of proposed actions. Each is falsified in one way at a time, or paraphrased.
Mutations that may be true are discarded: a figure or name that a cited row has, a time that the evidence has.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tsg_agent.ask.conversation import Conversation
from tsg_agent.llm.cited_rows import CitableEvidence, evidence_of
from tsg_agent.llm.grounding import check, cited, sentences_of
from tsg_agent.recording.file import read
from tsg_agent.recording.neutral import again
from tsg_agent.recording.players import ReplayEngine, ReplayTurns

RECORDINGS = Path(__file__).parents[1] / "tests" / "recordings" / "by-hand"
Made = Iterator[str]
_NUMBER = re.compile(r"(?<![\w.,:/-])[0-9][0-9,]*(?:\.[0-9]+)?(?![\w:/]|[.,-]\w)")
_CLOCK = re.compile(r"\b(?P<h>[0-9]{2}):(?P<m>[0-9]{2})\b")
_ACTION = re.compile(r"\bA[0-9]+$")


def sentences() -> Iterator[tuple[str, CitableEvidence]]:
    """Accepted sentences with the evidence that they may cite."""
    for file in sorted(RECORDINGS.glob("*.tsgr")):
        held, results = read(file)
        if held.report is not None:
            evidence = evidence_of(held.report)
            told = [one for section in held.report.narrative.sections for one in sentences_of(section.text)]
            yield from ((one, evidence) for one in told if cited(one))
            yield from (
                (f"{action.statement.rstrip('.')} [A{n}].", evidence) for n, action in enumerate(held.report.actions, 1)
            )
            continue
        missed: list[str] = []
        talk = Conversation(
            ReplayEngine(held, results, missed),
            again(held),
            incident=held.request.text,
            given=held.request.given,
            now=held.request.now,
            turns=ReplayTurns(held, missed),
        )
        for question in held.asked:
            answer = talk.ask(question)
            evidence = talk.ledger.evidence(question)
            yield from ((one, evidence) for one in sentences_of(answer.text))


def figure(sentence: str, evidence: CitableEvidence) -> Made:
    """Falsify: another figure."""
    held = {fact.value for item in cited(sentence) for fact in evidence.rows[item].facts}
    for match in _NUMBER.finditer(_bare(sentence)):
        digits = match[0].replace(",", "")
        places = len(digits.partition(".")[2])
        for factor in (1.1, 0.7):
            value = round(float(digits) * factor + (0 if places else 1), places)
            if not any(abs(value - one) <= 0.6 * 10**-places for one in held):
                yield f"{sentence[: match.start()]}{value:,.{places}f}{sentence[match.end() :]}"


def subject(sentence: str, evidence: CitableEvidence) -> Made:
    """Falsify: the subject of another row."""
    rows = [evidence.rows[item] for item in cited(sentence)]
    for row in rows:
        for column, names in row.names.items():
            others = sorted(
                {name for one in evidence.rows.values() for name in one.names.get(column, ())}
                - {name for one in rows for name in one.every_name}
            )
            for name in names if others and len(names) == 1 else ():
                if len(name) > 3 and name in sentence.lower():
                    place = sentence.lower().index(name)
                    yield f"{sentence[:place]}{others[0]}{sentence[place + len(name) :]}"


def time(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: another time of day."""
    for match in _CLOCK.finditer(_bare(sentence)):
        for later in (23, 41):
            other = f"{match['h']}:{(int(match['m']) + later) % 60:02}"
            yield f"{sentence[: match.start()]}{other}{sentence[match.end() :]}"


def side(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: swap before and after."""
    # Figures of these sentences are of one side only.
    queried = any(item[0] in "QK" for item in cited(sentence)) or sentence.startswith("Before")
    if not queried and re.search(r"\bbefore\b", sentence) and re.search(r"[0-9] ?%", sentence):
        yield _swapped(sentence, {"before": "after", "after": "before"})
    elif not queried:
        yield re.sub(r"(?<=[0-9]) %", " % before the start", sentence, count=1)


def unit(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: another unit."""
    if re.search(r"[0-9] %", sentence):
        yield re.sub(r"(?<=[0-9]) %", " ms", sentence, count=1)
        yield re.sub(r"(?<=[0-9]) %", " minutes", sentence, count=1)


def noun(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: another counted noun."""
    others = {"requests": "users", "runs": "requests", "users": "requests", "calls": "users"}
    for word, other in others.items():
        if re.search(rf"[0-9%)] (?:of (?:its |the )?)?(?:\w+ )?{word}\b", sentence):
            yield re.sub(rf"\b{word}\b", other, sentence)


def direction(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: swap up and down, most and least, under and over."""
    pairs = [
        ("rose", "fell"), ("highest", "lowest"), ("most", "least"), ("under", "over"), ("within", "below"),
        ("worse", "better"), ("more", "less"), ("first", "last"),
    ]  # fmt: skip
    for one, other in pairs:
        for word, instead in ((one, other), (other, one)):
            if re.search(rf"\b{word}\b(?! the window)", _bare(sentence)):
                yield re.sub(rf"\b{word}\b(?! the window)", instead, sentence, count=1)


def negation(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: add or remove "not"."""
    if re.search(r"\b(?:was|is|were|are|did|does|could) not\b", sentence):
        yield re.sub(r"\b(was|is|were|are|did|does|could) not\b", r"\1", sentence, count=1)
    elif re.search(r"\b(?:was|is|were|are) (?=\w)", sentence):
        yield re.sub(r"\b(was|is|were|are) (?=\w)", r"\1 not ", sentence, count=1)


def denial(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: negate in words other than "not"."""
    if match := re.search(r"\b(?:was|is|were|are) (?!not)(?=\w)", sentence):
        for word in ("never", "no longer", "hardly", "by no means"):
            yield f"{sentence[: match.end()]}{word} {sentence[match.end() :]}"
    if match := re.search(
        r"\b(?:fail(?:s|ed)?|carry|has|have|shows?|covers?|proposes|confirms|finds)\b(?! not)", sentence
    ):
        yield f"{sentence[: match.start()]}never {sentence[match.start() :]}"
    for word, other in (("cannot", "can"), ("could not", "was able to"), ("did not", "always did")):
        if word in sentence:
            yield sentence.replace(word, other, 1)


def weight(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: another quantifier, such as few for all, mostly for only."""
    pairs = {
        "rose": "declined", "most": "fewest", "highest": "smallest", "more": "fewer", "first": "second", "all": "few",
        "only": "mostly", "both": "neither", "after": "until",
    }  # fmt: skip
    for word, other in pairs.items():
        if re.search(rf"\b{word}\b", _bare(sentence)):
            yield re.sub(rf"\b{word}\b", other, sentence, count=1)


def citation(sentence: str, evidence: CitableEvidence) -> Made:
    """Falsify: cite another row of the same kind."""
    for item in dict.fromkeys(cited(sentence)):
        stem = re.sub(r"[0-9]+$", "", item)
        others = [one for one in evidence.rows if one != item and re.sub(r"[0-9]+$", "", one) == stem]
        if others and _NUMBER.search(_bare(sentence)):
            yield sentence.replace(f"[{item}]", f"[{others[0]}]")


def action(sentence: str, _evidence: CitableEvidence) -> Made:
    """Falsify: reverse a proposed action."""
    if not any(_ACTION.match(item) for item in cited(sentence)):
        return
    turned = {
        "roll back": "roll forward", "disable": "enable", "switch off": "switch on", "drain": "fill", "fix": "ignore",
        "redirect": "keep", "repair": "break", "away from": "to", "shed": "accept", "look": "do not look",
    }  # fmt: skip
    low = sentence.lower()
    for word, other in turned.items():
        if word in low:
            place = low.index(word)
            yield f"{sentence[:place]}{other}{sentence[place + len(word) :]}"
            yield f"Do not {low[place : place + 1]}{sentence[place + 1 :]}"
            yield f"{sentence[:place]}stop to {sentence[place:]}"
    if match := re.search(r"(?P<one>\S+) to (?P<two>\S+)(?= \[)", sentence):
        yield sentence.replace(match[0], f"{match['two']} to {match['one']}")


FALSE: tuple[Callable[[str, CitableEvidence], Made], ...] = (
    figure, subject, time, side, unit, noun, direction, negation, denial, weight, citation, action,
)  # fmt: skip


def otherwise(sentence: str, _evidence: CitableEvidence) -> Made:
    """Paraphrase: must be accepted."""
    yield sentence.replace(" %", " percent") if " %" in sentence else f"Overall, {sentence[:1].lower()}{sentence[1:]}"
    rounded = re.sub(r"[0-9]+\.[0-9]{2,}(?= %)", lambda match: f"{float(match[0]):.1f}", sentence)
    if rounded != sentence and not re.search(r"\b(?:100|0)\.0 %", rounded):
        yield rounded
    yield re.sub(r"(?<=[0-9]),(?=[0-9]{3})", "", sentence)
    if match := re.search(r" \[[A-Z][0-9.]*\](?=\.$)", sentence):
        yield sentence[: match.start()] + f", as its row says{match[0]}."


def measure() -> None:
    """Print the rates by kind of mutation."""
    passed: dict[str, list[str]] = defaultdict(list)
    made: dict[str, int] = defaultdict(int)
    for sentence, evidence in sentences():
        if check(sentence, evidence):
            continue
        for mutate in (*FALSE, otherwise):
            for changed in dict.fromkeys(mutate(sentence, evidence)):
                if changed == sentence:
                    continue
                made[mutate.__name__] += 1
                if bool(check(changed, evidence)) is (mutate is otherwise):
                    passed[mutate.__name__].append(changed)
    table = Table("sentences", "made", "wrongly judged", "share")
    for name, count in made.items():
        table.add_row(name, str(count), str(len(passed[name])), f"{100 * len(passed[name]) / count:.1f} %")
    console = Console()
    console.print(table)
    for name, some in passed.items():
        for one in some:
            console.print(f"{name}: {one}", markup=False, soft_wrap=True)


def _bare(sentence: str) -> str:
    """Mask the citations with text of equal length, so that positions stay valid."""
    return re.sub(r"\[[^\]]*\]", lambda match: "#" * len(match[0]), sentence)


def _swapped(sentence: str, words: dict[str, str]) -> str:
    return re.sub(rf"\b(?:{'|'.join(words)})\b", lambda match: words[match[0]], sentence)


if __name__ == "__main__":
    measure()
