"""A check that only the tests know, as docs/checks.md says that one is added."""

from typing import Any, ClassVar

from tsg_agent.models import Measure
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.remedy import Order, remedy
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import percent_of
from tsg_agent.telemetry.catalog import Needs
from tsg_agent.tools.plugin import Assessment, Plugin
from tsg_agent.tools.rows import REQUEST_COLUMNS, Row, WindowArgs, column, percent

FAILING = 10.0


class InstanceRow(Row):
    """An instance with enough traffic."""

    instance_id: str | None = column("the instance")
    total_requests: int = column("requests")
    error_rate: float | None = percent("requests answered 5xx")
    instance_status: str = column("the label")


RULE = Rule("", (Arm("INSTANCE_FAILING", lambda row, _: row.error_rate > FAILING, "over 10 % 5xx"),), "INSTANCE_OK")


class Instances(Plugin[InstanceRow]):
    """Compares the instances of the service.

    {labels}.
    """

    number = 10
    step = 12
    noun = "instances"
    title = "Instance health"
    question = "Which instances fail?"
    heading = "Instance trouble"
    needs = (Needs("api_gateway_logs", (*REQUEST_COLUMNS, "status_code", "instance_id")),)
    dimensions = ("instance_id",)
    remedies: ClassVar = {remedy("restart", Order.DRAIN, "restart {part}{rest}"): dimensions}
    row = InstanceRow
    rule = RULE
    rates: ClassVar = {"error_rate": percent_of(Measure.SERVER_ERRORS)}
    label_column = "instance_status"

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[InstanceRow]:
        """Label each instance."""
        rows = [InstanceRow(**group, instance_status="") for group in groups]
        rows = [row.model_copy(update={"instance_status": self.rule.label(row, thresholds)[0]}) for row in rows]
        return Assessment(rows, enough=len(rows))
