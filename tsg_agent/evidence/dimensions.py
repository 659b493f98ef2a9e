"""The dimensions whose values a cause may be described by, and the guide's step that each belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """One or two columns whose values are subjects.

    `error_only`: the values say what an error was, so only failures have them; any other dimension may turn out so.
    `change`: a value is something that somebody changed, and may be new: its before is then the service's own.
    """

    columns: tuple[str, ...]
    step: int
    error_only: bool = False
    change: bool = False


def _each(step: int, *columns: str, error_only: bool = False, change: bool = False) -> tuple[Dimension, ...]:
    return tuple(Dimension((column,), step, error_only, change) for column in columns)


LOG_DIMENSIONS = (
    *_each(2, "service_version", change=True),
    *_each(10, "service_component", "dependency_name"),
    *_each(5, "shard_id", "partition_id"),
    *_each(6, "availability_zone", "instance_type", "load_balancer_id"),
    *_each(4, "datacenter"),
    *_each(7, "endpoint_path", "http_method", "api_version", "client_type"),
    *_each(5, "tenant_category"),
    *_each(10, "error_category", "exception_type", error_only=True),
)
"""Of two that name the same requests the first is said, and a conjunction belongs to the step of its first."""
REGION = Dimension(("region",), 4)
FLAG = Dimension(("flag_name", "flag_value"), 3, change=True)
PRODUCT_DIMENSIONS = _each(8, "product_id", "product_category", "customer_tier", "subscription_type")
WORKFLOW = Dimension(("scenario_name",), 9)
DIMENSIONS = (LOG_DIMENSIONS[0], FLAG, WORKFLOW, *LOG_DIMENSIONS[1:], *PRODUCT_DIMENSIONS, REGION)
STEPS = {column: dimension.step for dimension in DIMENSIONS for column in dimension.columns}
"""Column -> the guide's step that is about it."""
COMPONENT = LOG_DIMENSIONS[1]


def leading(subject: dict[str, str]) -> Dimension:
    """The dimension that a description is filed under: what somebody changed, then the first that it names."""
    return next(one for one in DIMENSIONS if set(one.columns) <= subject.keys())
