"""Products: the product of each request, and the product_metadata table."""

from typing import Any

import numpy as np
import pyarrow as pa

from tsg_agent.simulator import shop
from tsg_agent.simulator.frame import Column, Frame, Text
from tsg_agent.simulator.randomness import RandomStream
from tsg_agent.simulator.scenario import Scenario

COLUMNS = ("product_id", "product_category", "customer_tier", "subscription_type")


def columns(scenario: Scenario, frame: Frame) -> dict[str, Column]:
    """Product and category; NULL for endpoints without products. All steps of a run have the same product."""
    sells = np.array([endpoint.sells for endpoint in shop.ENDPOINTS] + [False])[frame.array("endpoint")]
    weights = 1 / np.arange(1, len(shop.PRODUCTS) + 1) ** 0.5
    product = RandomStream(scenario.seed, "product").choice(frame.array("correlation"), weights)
    names = Text(np.where(sells, product, -1).astype(np.int64), tuple(name for name, _ in shop.PRODUCTS))
    return {"product_id": names, "product_category": names.lookup([category for _, category in shop.PRODUCTS])}


def table(frame: Frame, request_id: Any) -> dict[str, Any]:
    """product_metadata: one row per request with a product, in the frame's order."""
    index = np.flatnonzero(frame.text("product_id").codes >= 0)
    rows = frame.take(index)
    return {"request_id": request_id.take(pa.array(index)), **{name: rows.text(name).arrow() for name in COLUMNS}}
