"""A report with its narrative, and with what the model cost."""

from typing import Any

from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.prose import narrate
from tsg_agent.models import ModelUsage, NodeUsage, Report


def told_by(report: Report, assistant: Assistant) -> Report:
    """Add the narrative to a report; otherwise only its notes and usage change."""
    narrative, notes = narrate(report, assistant)
    nodes = assistant.budget.nodes
    name = assistant.model.name
    usage = report.usage.model_copy(
        update={"mode": name if narrative else f"rules only: {name} gave no prose", "model": usage_of(nodes)}
    )
    return report.model_copy(update={"narrative": narrative, "notes": [*report.notes, *notes], "usage": usage})


def usage_of(nodes: list[NodeUsage]) -> ModelUsage:
    """The total usage of all nodes."""
    costs = [node.cost for node in nodes if node.cost is not None]
    return ModelUsage(
        calls=sum(node.calls for node in nodes),
        input_tokens=sum(node.input_tokens for node in nodes),
        output_tokens=sum(node.output_tokens for node in nodes),
        milliseconds=round(sum(node.milliseconds for node in nodes), 1),
        cost=sum(costs) if costs else None,
        nodes=nodes,
    )


def spent_by(assistant: Assistant) -> list[dict[str, Any]]:
    """The usage so far, as plain JSON for a checkpoint."""
    return [node.model_dump(mode="json") for node in assistant.budget.nodes]
