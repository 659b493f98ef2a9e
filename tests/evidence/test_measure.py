"""The queries behind the measurement: values are bound, never text; columns are ours."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.made import SCOPE, requests, written
from tests.verdicts.judging import POOL, SETTINGS
from tsg_agent.evidence.measure import Measurer, subject_predicate
from tsg_agent.models import Parameters
from tsg_agent.telemetry.duckdb import DuckDB

HOSTILE = ["'; DROP TABLE api_gateway_logs; --", '" OR 1=1 --', "$within_shard_id", "a\x00b", "", "%_\\", "💥'"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_bound_and_changes_no_text(value: str) -> None:
    subject = {"shard_id": value, "flag_name": value, "flag_value": value, "customer_tier": value}
    text, bound = subject_predicate(subject, [(("availability_zone", value),), (("scenario_name", value),)])
    plain, _ = subject_predicate(
        dict.fromkeys(subject, "x"), [(("availability_zone", "y"),), (("scenario_name", "z"),)]
    )
    assert text == plain
    assert set(bound.values()) == {value}
    assert set(re.findall(r"\$(\w+)", text)) == set(bound)


@given(st.dictionaries(st.sampled_from(["shard_id", "region", "product_id", "scenario_name"]), st.text(), min_size=1))
def test_the_text_depends_on_the_dimensions_alone(subject: dict[str, str]) -> None:
    assert subject_predicate(subject)[0] == subject_predicate(dict.fromkeys(subject, ""))[0]


@pytest.mark.parametrize("column", ["shard_id; DROP TABLE x", "1=1 OR shard_id", "", "unknown"])
def test_a_dimension_that_is_not_ours_never_becomes_text(column: str) -> None:
    text, _ = subject_predicate({column: "x"})
    assert text == ""


def test_joined_dimensions_are_looked_up_by_their_key() -> None:
    text, bound = subject_predicate({"flag_name": "f", "flag_value": "on"})
    assert "request_id IN (SELECT request_id FROM feature_flags WHERE" in text
    assert bound == {"within_flag_name": "f", "within_flag_value": "on"}
    text, _ = subject_predicate({}, [(("scenario_name", "s"),)])
    assert "NOT (correlation_id IN (SELECT correlation_id FROM workflow_tracking" in text


def test_none_asks_for_the_requests_that_do_not_say() -> None:
    assert subject_predicate({"shard_id": None}) == ("\n    AND shard_id IS NULL", {})
    text, bound = subject_predicate({"customer_tier": None})
    assert "NOT (request_id IN (SELECT request_id FROM product_metadata WHERE customer_tier IS NOT NULL))" in text
    assert bound == {}


def test_a_dependency_without_a_component_is_no_component(tmp_path: Path) -> None:
    logs = requests(3, service_component=["cart", None, "cart"], dependency_name=["db", "bank", None])
    given = Parameters(**SCOPE)
    with DuckDB(written(tmp_path, {"api_gateway_logs": logs})) as engine:
        made = Measurer(engine, given, SETTINGS, POOL).measure()
    named = {table.dimension.columns: table.values for table in made.tables}
    assert named["service_component",] == [("cart",)]
    assert named["dependency_name",] == [("bank",), ("db",)]
    assert named["service_component", "dependency_name"] == [("cart", "db")]
