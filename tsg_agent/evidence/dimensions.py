"""The dimensions that are measured, and the guide's step that each belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """One or two columns whose values are subjects.

    `error_only`: the values say what an error was, so only failures have them; any other dimension may turn out so.
    """

    columns: tuple[str, ...]
    step: int
    error_only: bool = False


def _each(step: int, *columns: str) -> tuple[Dimension, ...]:
    return tuple(Dimension((column,), step) for column in columns)


LOG_DIMENSIONS = (
    *_each(2, "service_version"),
    *_each(4, "datacenter"),
    *_each(6, "availability_zone", "instance_type", "load_balancer_id"),
    *_each(5, "partition_id", "shard_id", "tenant_category"),
    *_each(7, "endpoint_path", "http_method", "api_version", "client_type"),
    Dimension(("error_category",), 10, error_only=True),
    Dimension(("exception_type",), 10, error_only=True),
    *_each(10, "service_component", "dependency_name"),
)
"""In the order of GROUPING(...) in dimensions.sql."""
PAIR = Dimension(("service_component", "dependency_name"), 10)
REGION = Dimension(("region",), 4)
FLAG = Dimension(("flag_name", "flag_value"), 3)
PRODUCT_DIMENSIONS = _each(8, "product_id", "product_category", "customer_tier", "subscription_type")
"""In the order of GROUPING(...) in products.sql."""
WORKFLOW = Dimension(("scenario_name",), 9)
