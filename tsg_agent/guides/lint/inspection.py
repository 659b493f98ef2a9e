"""A guide laid out for the linter's rules: its queries parsed, with what is known of each."""

import functools

from sqlglot import exp

from tsg_agent.errors import GuideError
from tsg_agent.guides.catalogue import TableSchema, schema_of
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.guide import Query, WrittenGuide, WrittenStep
from tsg_agent.guides.parsed import CANONICAL, Parsed, parse
from tsg_agent.guides.repair import Repaired, repair


class Inspection:
    """A guide, parsed and analysed once for all rules."""

    def __init__(self, guide: WrittenGuide, schema: TableSchema | None = None) -> None:
        """`schema`: what the tables are known to hold; without it, what the guide and the catalogue say."""
        self.guide = guide
        self.parsed: list[Parsed] = []
        self.refused: list[tuple[Query, GuideError]] = []
        for query in guide.queries:
            try:
                self.parsed.append(parse(query, guide.dialect))
            except GuideError as error:
                self.refused.append((query, error))
        self.schema = schema or schema_of(guide, self.parsed)
        self.facts = [Facts(one, self.schema) for one in self.parsed]

    @functools.cached_property
    def repaired(self) -> dict[int, Repaired]:
        """Each query with its certain repairs, by its number."""
        return {one.query.number: repair(one, self.schema, self.parsed) for one in self.parsed}

    def facts_of(self, step: WrittenStep) -> list[Facts]:
        """The queries of a step."""
        return [one for one in self.facts if one.parsed.query.step == step.number]

    def healthy(self, step: WrittenStep) -> set[str]:
        """Labels of a step's queries that mean nothing is wrong."""
        said = step.annotation.healthy if step.annotation else ()
        columns = [column for facts in self.facts_of(step) for column in facts.shown_labels.values()]
        return {label for column in columns for label in column.healthy(said)}


def text(node: exp.Expr) -> str:
    """A part of a query in one line, without its comments."""
    return " ".join(node.sql(dialect=CANONICAL, comments=False).split())[:160]
