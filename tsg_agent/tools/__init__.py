"""The guide's nine checks as typed tools, and their one registry."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from tsg_agent.models import ColumnKind, Parameter, Parameters
from tsg_agent.settings import Settings
from tsg_agent.steps.typed_guide import Guide
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.langchain import langchain_tools
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
from tsg_agent.tools.rows import ScopeArgs

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

__all__ = ["GUIDE", "PLUGINS", "AnyGuide", "Plugin", "get_tools"]

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

AnyGuide: TypeAlias = Guide[Plugin[Any]]
"""A guide whose steps are such checks."""
_KINDS: dict[Any, ColumnKind] = {str: "text", float: "number"}
PARAMETERS = tuple(
    Parameter(
        name=name, description=field.description or "", kind=_KINDS.get(field.annotation, "timestamp"), declared=True
    )
    for name, field in (*ScopeArgs.model_fields.items(), ("threshold", Parameters.model_fields["threshold"]))
)
"""What the built-in guide collects: its checks' arguments, and what it concludes by."""
GUIDE: AnyGuide = Guide(PLUGINS, PARAMETERS, ())
"""The built-in guide: its checks all follow the first step, side by side."""


def get_tools(
    telemetry: Engine,
    settings: Settings | None = None,
    *,
    guide: AnyGuide = GUIDE,
    checks_only: bool = False,
) -> "list[StructuredTool]":
    """LangChain tools over one source: the guide's checks, `plugin_1_tool` to `plugin_9_tool`, then `run_guide`, `ask`.

    Each gives a short text for the model (a finding in words, at most ten rows) and the whole result, a Finding, a
    Report or an Answer, as plain JSON in its artifact. `checks_only`: without the last two.

    A region, service or environment that the telemetry does not know, or a window that ends before it starts, gives an
    error message with what would do, never an empty result.
    """
    settings = settings or Settings()
    checks = langchain_tools(guide.steps, telemetry, settings)
    if checks_only:
        return checks
    above = import_module("tsg_agent.toolbox")
    more: list[StructuredTool] = above.more_tools(telemetry, settings, guide)
    return [*checks, *more]
