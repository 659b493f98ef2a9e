"""A model's narrative of the report, checked sentence by sentence against the evidence."""

import logging
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tsg_agent.errors import ModelError
from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.cited_rows import CitableEvidence, evidence_of
from tsg_agent.llm.grounding import check, cited, read_rows, sentences_of
from tsg_agent.llm.prompts import render
from tsg_agent.models import Narrative, NarrativeSection, Report
from tsg_agent.report.conclusion_words import CAUSES, by_rules
from tsg_agent.wording import one_line

log = logging.getLogger(__name__)
NODE = "phrase"
SENTENCES = 6
SENTENCE_CHARACTERS = 500
ROW_CHARACTERS = 420
SEEN = 4
"""Most subjects of a cause's blast radius that the model may mention."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="ignore")

    number: int
    sentences: list[str]


class _Draft(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sections: list[_Written]


class _Mended(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sentences: list[str]


@dataclass
class ProseSection:
    """One section: the rules' text, and the model's."""

    title: str
    text: str
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class UngroundedSentence:
    """A sentence that is not grounded, the reasons, and summaries of the rows that it cites."""

    section: int
    place: int
    sentence: str
    reasons: list[str]
    read: list[str] = field(default_factory=list)


def narrate(report: Report, assistant: Assistant) -> tuple[Narrative | None, list[str]]:
    """The narrative, and notes on failures. Every sentence is grounded, or from the rules.

    None if the model gave no answer: the rest of the report does not depend on it.
    """
    evidence, sections = evidence_of(report), sections_of(report)
    rows = rows_text(report, evidence)
    try:
        draft = assistant.structured(NODE, render("report", rows=rows, sections=sections), _Draft)
    except ModelError as error:
        return None, [f"The model told nothing ({error.kind}): {error} The report is the rules' own."]
    for written in draft.sections:
        if 1 <= written.number <= len(sections) and not sections[written.number - 1].sentences:
            sections[written.number - 1].sentences = _clean(written.sentences)
    wrote = sum(len(section.sentences) for section in sections)
    if not wrote:
        return None, ["The model wrote no sentence. The report is the rules' own."]
    failed = failures(sections, evidence)
    notes = _mend(sections, failed, evidence, assistant) if failed else []
    still = failures(sections, evidence)
    told = [
        told_section(section, [one for one in still if one.section == i], evidence)
        for i, section in enumerate(sections)
    ]
    return Narrative(sections=told, sentences=wrote, sent_back=len(failed), replaced=len(still)), notes


def sections_of(report: Report) -> list[ProseSection]:
    """The sections to write, with the rules' sentences."""
    return [ProseSection(section.title, section.text) for section in by_rules(report)]


def rows_text(report: Report, evidence: CitableEvidence) -> str:
    """The citable rows, one per line."""
    wanted = ["SLA", *(f"C{cause.rank}" for cause in report.causes[:CAUSES])]
    wanted += [f"C{cause.rank}.{i}" for cause in report.causes[:CAUSES] for i in range(1, SEEN + 1)]
    wanted += [item for cause in report.causes[:CAUSES] for item in cause.evidence[:SEEN]]
    wanted += [f"A{i}" for i in range(1, len(report.actions) + 1)]
    wanted += [f"R{i}" for i in range(1, SEEN + 1)]
    wanted += [finding.id for finding in report.findings]
    known = [evidence.rows[item] for item in dict.fromkeys(wanted) if item in evidence.rows]
    return "\n".join(f"[{row.id}] {one_line(row.words, ROW_CHARACTERS)}" for row in known)


def failures(sections: list[ProseSection], evidence: CitableEvidence) -> list[UngroundedSentence]:
    """The sentences that are not grounded."""
    found = []
    for i, section in enumerate(sections):
        for place, sentence in enumerate(section.sentences):
            reasons = check(sentence, evidence)
            if reasons:
                found.append(UngroundedSentence(i, place, sentence, reasons[:3], read_rows(sentence, evidence)))
    return found


def _clean(sentences: list[str]) -> list[str]:
    split = [one_line(part, SENTENCE_CHARACTERS) for text in sentences[:SENTENCES] for part in sentences_of(text)]
    return [part for part in split if part][:SENTENCES]


def _mend(
    sections: list[ProseSection], failed: list[UngroundedSentence], evidence: CitableEvidence, assistant: Assistant
) -> list[str]:
    """Send the failed sentences back once, and replace them by the answer."""
    ids = [item for one in failed for item in cited(one.sentence)] + [
        item for one in failed for item in cited(sections[one.section].text)
    ]
    ids += [row for row in evidence.rows if row[0] in "CAS"]
    rows = "\n".join(
        f"[{item}] {one_line(evidence.rows[item].words, ROW_CHARACTERS)}"
        for item in dict.fromkeys(ids)
        if item in evidence.rows
    )
    try:
        mended = assistant.structured(NODE, render("mend", rows=rows, sentences=failed), _Mended)
    except ModelError as error:
        return [f"The model did not mend {len(failed)} sentences ({error.kind}): the rules' stand in their place."]
    for one, text in zip(failed, mended.sentences, strict=False):
        sections[one.section].sentences[one.place] = one_line(text, SENTENCE_CHARACTERS) or one.sentence
    return []


def told_section(
    section: ProseSection, failed: list[UngroundedSentence], evidence: CitableEvidence
) -> NarrativeSection:
    """The section for the report; the rules' text replaces what the model failed to write."""
    places = {one.place for one in failed}
    if not places:
        written = section.sentences or [section.text]
        return _as_told(section, written, by="model" if section.sentences else "rules")
    kept = [text for place, text in enumerate(section.sentences) if place not in places]
    first = min(places)
    log.info("section %r: %d sentences gave way to the rules'", section.title, len(places))
    told = [*section.sentences[:first], _rest(section.text, kept, evidence)]
    told += [text for place, text in enumerate(section.sentences) if place > first and place not in places]
    return _as_told(section, told, by="model" if kept else "rules")


def _as_told(section: ProseSection, sentences: list[str], by: Literal["model", "rules"]) -> NarrativeSection:
    return NarrativeSection(title=section.title, text=" ".join(sentences), by=by)


def _rest(text: str, kept: list[str], evidence: CitableEvidence) -> str:
    """The rules' sentences whose evidence the model's kept sentences do not cite; all of them if none is left."""
    rows = {item for sentence in kept for item in cited(sentence)}
    rows |= {item for row in rows & evidence.rows.keys() for item in cited(evidence.rows[row].words)}
    left = [one for one in sentences_of(text) if not cited(one) or not set(cited(one)) <= rows]
    return " ".join(left) or text


__all__ = ["ProseSection", "UngroundedSentence", "failures", "narrate", "rows_text", "sections_of", "told_section"]
