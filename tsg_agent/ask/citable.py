"""The ledger: results of tools as rows that answers may cite. An id is never used for a second row."""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from string import ascii_lowercase
from typing import Any

from tsg_agent.llm.cited_rows import CitableEvidence, CitableRow, Fact, evidence_of, row_of, rows_of
from tsg_agent.llm.figures import clocks_of
from tsg_agent.llm.given import give_arguments, give_query, names_of
from tsg_agent.models import Finding, Report

_FIGURE = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z_][\w.\-/]{2,}")


class CitableRows:
    """Rows by id. Safe for several threads: an agent may call tools side by side."""

    def __init__(self) -> None:
        self._rows: dict[str, CitableRow] = {}
        self.report: Report | None = None
        """The last investigation."""
        self.tools: list[str] = []
        """The tools that were called, in their order."""
        self._queries = self._codes = 0
        self._lock = threading.Lock()

    def evidence(self, question: str = "") -> CitableEvidence:
        """All rows, and the names and times of the question."""
        parameters = self.report.parameters if self.report else None
        found = CitableEvidence(self._rows.values(), parameters, asked=names_of(question), clocks=clocks_of(question))
        found.times |= evidence_of(self.report).times if self.report else set()
        return found

    def finding(self, finding: Finding) -> Finding:
        """Add a check's finding. Returns it with its id: E7, then E7b, … where the check ran before."""
        with self._lock:
            self.tools.append(finding.tool)
            letters = (f"{tens}{one}" for tens in ("", *ascii_lowercase) for one in ascii_lowercase)
            again = (f"{finding.id}{letter}" for letter in letters if letter != "a")  # E7 asked again is E7b
            identity = next(item for item in chain([finding.id], again) if item not in self._rows)
            named = finding.model_copy(update={"id": identity})
            rows = rows_of([named])
            give_arguments(rows, named.sql_parameters)
            self._add(rows)
            return named

    def investigated(self, report: Report, tool: str = "") -> None:
        """Add an investigation, and the tool that ran it. Its rows replace those of an earlier one."""
        with self._lock:
            self.tools += [tool] if tool else []
            self.report = report
            self._add(evidence_of(report).rows.values())
            self._add(gap_rows(report))

    def query(self, rows: Sequence[Mapping[str, Any]], sql: str, tool: str = "query_telemetry") -> str:
        """Add a query's rows. Returns the query's id, Q1, Q2, …; its rows are Q1.1, Q1.2, …"""
        with self._lock:
            self.tools += [tool] if tool else []
            self._queries += 1
            identity = f"Q{self._queries}"
            whole = CitableRow(identity, facts=[Fact(float(len(rows)))], words=f"{len(rows)} rows")
            found = [whole, *(row_of(f"{identity}.{i}", dict(row)) for i, row in enumerate(rows, 1))]
            give_query(found, sql)
            self._add(found)
            return identity

    def text(self, tool: str, text: str) -> str:
        """Add a printed text as one row. Returns its id, K1, K2, …"""
        with self._lock:
            self.tools += [tool] if tool else []
            self._codes += 1
            row = CitableRow(f"K{self._codes}", words=" ".join(text.split())[:400])
            row.facts = _facts(text)
            words = {match.lower().rstrip(".-/") for match in _WORD.findall(text)}
            named = {word for word in words if not word.isalpha()}
            row.clocks = clocks_of(text)
            row.names, row.said = {"printed": named}, words - named  # a plain word is no name in other sentences
            self._add([row])
            return row.id

    def words(self, ids: Iterable[str] | None = None) -> Mapping[str, str]:
        """Rows in words, by id; all rows without `ids`."""
        ids = list(self._rows) if ids is None else ids
        return {item: self._rows[item].words for item in ids if item in self._rows}

    def _add(self, rows: Any) -> None:
        self._rows |= {row.id: row for row in rows}


def gap_rows(report: Report) -> list[CitableRow]:
    """The report's gaps as rows N1, N2, …"""
    rows = []
    for number, gap in enumerate(report.gaps, 1):
        row = CitableRow(f"N{number}", step=gap.step, words=f"not checked: {gap.statement}")
        row.facts = _facts(gap.statement)
        row.clocks = clocks_of(gap.statement)
        row.say(gap.statement)
        rows.append(row)
    return rows


def _facts(text: str) -> list[Fact]:
    return [Fact(float(match.replace(",", "")), "any") for match in _FIGURE.findall(text)]
