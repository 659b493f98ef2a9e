"""By what requests can be counted: the telemetry's columns, each with the nouns that people have for it."""

import re
from dataclasses import dataclass

from tsg_agent.telemetry.catalog import FLAGS, LOGS, PRODUCTS, WORKFLOWS


@dataclass(frozen=True)
class By:
    """One thing that a question may count by, or name a value of."""

    columns: tuple[str, ...]
    noun: re.Pattern[str]
    table: str = LOGS.name

    @property
    def column(self) -> str:
        """The column whose values are names that a question may name."""
        return self.columns[-1] if self.columns[-1] != "flag_value" else "flag_name"


def _noun(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b", re.IGNORECASE)


BY = (
    By(("region",), _noun(r"regions?")),
    By(("service_version",), _noun(r"(?<!API )versions?|releases?|deploy(?:ment)?s?|builds?")),
    By(("flag_name", "flag_value"), _noun(r"(?:feature )?flags?|features?|toggles?|experiments?"), FLAGS.name),
    By(("scenario_name",), _noun(r"workflows?|scenarios?|processes|process"), WORKFLOWS.name),
    By(("service_component",), _noun(r"components?|micro-?services?|modules?")),
    By(("dependency_name",), _noun(r"dependenc(?:y|ies)|databases?|backends?|vendors?|downstreams?")),
    By(("exception_type",), _noun(r"exceptions?(?: types?)?|error types?|kinds? of errors?")),
    By(("availability_zone",), _noun(r"(?:availability )?zones?|AZs?")),
    By(("datacenter",), _noun(r"data ?cent(?:er|re)s?")),
    By(("instance_type",), _noun(r"instance types?|machine types?|instances?")),
    By(("load_balancer_id",), _noun(r"load ?balancers?|LBs?")),
    By(("shard_id",), _noun(r"shards?")),
    By(("partition_id",), _noun(r"partitions?")),
    By(("tenant_category",), _noun(r"tenants?(?: categor(?:y|ies))?")),
    By(("http_method", "endpoint_path"), _noun(r"endpoints?|paths?|routes?|urls?|pages?|apis?")),
    By(("http_method",), _noun(r"(?:http )?methods?|verbs?")),
    By(("api_version",), _noun(r"api versions?")),
    By(("client_type",), _noun(r"clients?(?: types?)?|platforms?|devices?|apps?")),
    By(("error_category",), _noun(r"error categor(?:y|ies)")),
    By(("product_id",), _noun(r"products?"), PRODUCTS.name),
    By(("product_category",), _noun(r"(?:product )?categor(?:y|ies)"), PRODUCTS.name),
    By(("customer_tier",), _noun(r"(?:customer )?tiers?|customers?"), PRODUCTS.name),
    By(("subscription_type",), _noun(r"subscriptions?(?: types?)?"), PRODUCTS.name),
)
_OF = {by.column: by for by in BY}


def by_column(column: str) -> By:
    """The thing whose names stand in a column."""
    return _OF[column]


def by_noun(question: str) -> tuple[By, re.Match[str]] | None:
    """What a question counts by: the first noun of these in it; of those that begin together the longest."""
    found = [(by, match) for by in BY if (match := by.noun.search(question))]
    return min(found, key=lambda pair: (pair[1].start(), -pair[1].end())) if found else None
