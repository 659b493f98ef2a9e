"""A guide of typed checks in the form of one that is read from a file, to be shown as all others are."""

import re
from typing import Any

from tsg_agent.guides.guide import Annotation, Edge, Instruction, Query, WrittenGuide, WrittenStep
from tsg_agent.settings import AllThresholds
from tsg_agent.tools import AnyGuide, Plugin


def as_written(guide: AnyGuide, title: str, thresholds: AllThresholds) -> WrittenGuide:
    """Its parameters, steps, edges and queries, which name `{parameters}`; their thresholds stay `$group_name`."""
    asked = tuple(one.name for one in guide.parameters)
    asks = WrittenStep(number=guide.asks, title="Collect the parameters", line=0, asked=asked)
    concludes = WrittenStep(number=guide.concludes, title="Conclude", line=0, final=True, asked=guide.concludes_by)
    edges = [(before, step.step) for step in guide.steps for before in guide.before(step.step)]
    edges += [(step.step, guide.concludes) for step in guide.steps if guide.concludes in guide.after(step.step)]
    return WrittenGuide(
        title=title,
        steps=(asks, *(_step(plugin, asked, thresholds) for plugin in guide.steps), concludes),
        parameters=guide.parameters,
        edges=tuple(Edge(source=one, target=to, parallel=one == guide.asks) for one, to in edges),
    )


def _step(plugin: Plugin[Any], asked: tuple[str, ...], thresholds: AllThresholds) -> WrittenStep:
    """One check, with what each of its labels means."""
    sql = re.sub(rf"\$({'|'.join(asked)})\b", r"{\1}", plugin.query())
    columns = tuple(column for dimension in plugin.about for column in dimension.columns)
    return WrittenStep(
        number=plugin.step,
        title=plugin.title,
        line=0,
        prose=plugin.question,
        queries=(Query(number=plugin.number, step=plugin.step, sql=sql, line=0),),
        instructions=tuple(
            Instruction(labels=(arm.label,), text=arm.words.format(**dict(thresholds)), line=0)
            for arm in plugin.rule.arms
        ),
        annotation=Annotation(dimension=columns, kind=plugin.kind),
    )
