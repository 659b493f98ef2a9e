"""The guide's nine checks as typed tools, and their one registry."""

from typing import Any

from tsg_agent.tools.plugin import Plugin
from tsg_agent.tools.plugin_1_version_regression import VersionRegression
from tsg_agent.tools.plugin_2_feature_flags import FeatureFlags
from tsg_agent.tools.plugin_3_regions import Regions
from tsg_agent.tools.plugin_4_partitions import Partitions
from tsg_agent.tools.plugin_5_zones import Zones
from tsg_agent.tools.plugin_6_endpoints import Endpoints
from tsg_agent.tools.plugin_7_products import Products
from tsg_agent.tools.plugin_8_workflows import Workflows
from tsg_agent.tools.plugin_9_errors import Errors

PLUGINS: tuple[Plugin[Any], ...] = (
    VersionRegression(),
    FeatureFlags(),
    Regions(),
    Partitions(),
    Zones(),
    Endpoints(),
    Products(),
    Workflows(),
    Errors(),
)
"""Every check, in the guide's order. Adding one is a file, its SQL, and a line here."""
