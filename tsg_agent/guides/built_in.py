"""A guide of typed checks in the form of one that is read from a file, to be shown as all others are."""

import re
from typing import Any

from tsg_agent.guides.guide import Accepted, Annotation, Edge, Instruction, Query, WrittenGuide, WrittenStep
from tsg_agent.settings import Settings
from tsg_agent.tools import AnyGuide, Plugin
from tsg_agent.tools.plugin import limits

ACCEPTED = (
    Accepted(
        rule="average-of-averages",
        why="The guide's limits are about the mean of the buckets' means, and about the worst bucket's quantile.",
    ),
    Accepted(
        rule="label-without-rule",
        why="The checks give the labels: versions are put in order and trends worked out between query and label.",
    ),
    Accepted(rule="does-not-run", engine="PostgreSQL", why="The query is put into that engine's words when it runs."),
    Accepted(rule="filter-missing", step=4, why="The regions are compared with each other."),
    Accepted(
        rule="unknown-as-no", step=8, why="As the guide counts it; where no row says anything, the share is NULL."
    ),
    Accepted(
        rule="ties",
        step=10,
        why="The order ends with the columns that tell the patterns apart; at most one message joins each.",
    ),
)
"""What the built-in guide's text has on purpose."""


def as_written(guide: AnyGuide, title: str, settings: Settings) -> WrittenGuide:
    """Its parameters, steps, edges and queries, which name `{parameters}` and have the thresholds in force."""
    asked = tuple(one.name for one in guide.parameters)
    asks = WrittenStep(number=guide.asks, title="Collect the parameters", line=0, asked=asked)
    concludes = WrittenStep(number=guide.concludes, title="Conclude", line=0, final=True, asked=guide.concludes_by)
    edges = [(before, step.step) for step in guide.steps for before in guide.before(step.step)]
    edges += [(step.step, guide.concludes) for step in guide.steps if guide.concludes in guide.after(step.step)]
    return WrittenGuide(
        title=title,
        steps=(asks, *(_step(plugin, asked, settings) for plugin in guide.steps), concludes),
        parameters=guide.parameters,
        accepted=ACCEPTED,
        zone_said=True,
        edges=tuple(Edge(source=one, target=to, parallel=one == guide.asks) for one, to in edges),
    )


def _step(plugin: Plugin[Any], asked: tuple[str, ...], settings: Settings) -> WrittenStep:
    """One check, with what each of its labels means."""
    set_ = limits(settings)
    sql = re.sub(
        r"\$(\w+)", lambda found: f"{{{found[1]}}}" if found[1] in asked else f"{set_[found[1]]}", plugin.query()
    )
    columns = tuple(column for dimension in plugin.about for column in dimension.columns)
    return WrittenStep(
        number=plugin.step,
        title=plugin.title,
        line=0,
        prose=plugin.question,
        queries=(Query(number=plugin.number, step=plugin.step, sql=sql, line=0),),
        instructions=tuple(
            Instruction(labels=(arm.label,), text=arm.words.format(**dict(settings.thresholds)), line=0)
            for arm in plugin.rule.arms
        ),
        annotation=Annotation(dimension=columns, kind=plugin.kind),
    )
